// SPDX-License-Identifier: Apache-2.0
// Clock: the TSC, its rate measured against the HPET, else the ACPI PM timer, else the PIT. Timer:
// TSC-deadline mode of the local APIC where offered, else its one-shot countdown, measured in the same
// stretch.
#include "arch/x86_64/calibration.hpp"
#include "arch/x86_64/clock_check.hpp"
#include "arch/x86_64/instructions.hpp"
#include "arch/x86_64/local_apic.hpp"
#include "arch/x86_64/vectors.hpp"

#include <algorithm>
#include <arch/cpu.hpp>
#include <arch/timer.hpp>
#include <arch/vdso.hpp>
#include <atomic>

namespace runnel::arch {
namespace {

constexpr u32 kDivideByOne = 0xb;
constexpr u32 kMasked = 1u << 16;
constexpr u32 kTscDeadline = 2u << 17;

// Factors as 32.32; set once by clock_init before other CPUs run.
constinit u64 tsc_start = 0;
constinit u64 ns_per_tick = 0;
constinit u64 ticks_per_ns = 0;
constinit u64 apic_per_ns = 0;
constinit bool has_deadline = false;
constinit Calibration calibration;

// For CPUs whose counters disagree, see clock_check.hpp.
constinit std::atomic<bool> held{false};
constinit std::atomic<u64> newest_ns{0};
constinit std::atomic<u64> worst_lag{0}; // ticks

// The exchange with a starting CPU: 0 = not said yet.
constinit std::atomic<u64> sent{0}, arrived{0}, answered{0};
constexpr u64 kGaveUp = 1;
constexpr Duration kPatience = 500_ms; // a present CPU comes in microseconds, unless the host is busy

u64 scale(u64 value, u64 factor) {
  return static_cast<u64>(static_cast<unsigned __int128>(value) * factor >> 32);
}
u64 ratio(u64 numerator, u64 denominator) {
  while (numerator >> 32 != 0) numerator /= 2, denominator /= 2;
  return (numerator << 32) / std::max<u64>(denominator, 1);
}

/// First tick at which the clock shows `ns` or later.
u64 to_ticks(u64 ns) {
  u64 ticks = scale(ns, ticks_per_ns);
  for (u32 rounding = 0; rounding < 3 && scale(ticks, ns_per_tick) < ns; ++rounding) ++ticks;
  return ticks;
}

/// The mode's switch is a store to the APIC, the deadline an MSR: they are not ordered by themselves (SDM
/// volume 3, 11.5.4.1).
void write_deadline(u64 tsc) {
  Cpu::full_barrier();
  write_msr(kMsrTscDeadline, tsc);
}

void disagree(u64 lag) {
  if (worst_lag.load(std::memory_order_relaxed) < lag) worst_lag.store(lag, std::memory_order_relaxed);
  held.store(true, std::memory_order_relaxed); // ordered by the CPU's coming online
}

/// `then` was read elsewhere, before what led here.
void check_against(u64 then) {
  const u64 lag = then - read_tsc();
  if (lag != 0 && lag >> 63 == 0) disagree(lag); // else negative: later, as it should be
}

/// The clock where counters disagree: a CPU that is behind shows the newest time seen by any.
u64 hold(u64 ticks) {
  const u64 ns = ticks >> 63 != 0 ? 0 : scale(ticks, ns_per_tick); // 0: the counter is from before clock_init
  u64 newest = newest_ns.load(std::memory_order_relaxed);
  while (newest < ns && !newest_ns.compare_exchange_weak(newest, ns, std::memory_order_relaxed)) Cpu::relax();
  return std::max(ns, newest);
}

} // namespace

void clock_init(const MachineInfo& machine) {
  has_deadline = (cpuid(1).ecx & 1u << 24) != 0;
  local_apic_setup(machine.local_apic_base);
  local_apic_enable();
  apic_write(ApicReg::kTimerDivide, kDivideByOne);
  apic_write(ApicReg::kTimer, kMasked | kVectorTimer);
  calibration = calibrate(machine);
  ticks_per_ns = ratio(calibration.tsc_ticks, calibration.ns);
  apic_per_ns = ratio(calibration.apic_ticks, calibration.ns);
  tsc_start = calibration.tsc_start;
  std::atomic_signal_fence(std::memory_order_release); // the clock runs with the next store
  ns_per_tick = ratio(calibration.ns, calibration.tsc_ticks);
}

Instant clock_now() {
  const u64 ticks = read_tsc() - tsc_start;
  if (held.load(std::memory_order_relaxed)) [[unlikely]]
    return {hold(ticks)};
  return {scale(ticks, ns_per_tick)};
}

std::optional<UserClock> clock_for_user() {
  if (held.load(std::memory_order_relaxed)) return std::nullopt;
  return UserClock{.base = tsc_start, .whole = ns_per_tick >> 32, .fraction = ns_per_tick << 32};
}

void clock_check_begin() {
  arrived.store(0, std::memory_order_relaxed);
  answered.store(0, std::memory_order_relaxed);
  sent.store(read_tsc(), std::memory_order_release); // acquire: clock_check_arrive
}

void clock_check_arrive() {
  check_against(sent.load(std::memory_order_acquire));
  arrived.store(read_tsc(), std::memory_order_release); // acquire: clock_check_end
  u64 answer = 0;
  do {
    Cpu::relax();
    answer = answered.load(std::memory_order_acquire); // release: clock_check_end
  } while (answer == 0);
  if (answer != kGaveUp)
    check_against(answer);
  else
    disagree(0); // nothing is known of the other side's counter, which has to be taken for the worst
}

void clock_check_end() {
  const u64 limit = read_tsc() + to_ticks(static_cast<u64>(kPatience.ns));
  u64 arrival = 0;
  do {
    Cpu::relax();
    arrival = arrived.load(std::memory_order_acquire);
  } while (arrival == 0 && read_tsc() < limit);
  if (arrival != 0) check_against(arrival);
  answered.store(arrival != 0 ? read_tsc() : kGaveUp, std::memory_order_release);
}

void timer_init_cpu(CpuId) {
  apic_write(ApicReg::kTimerDivide, kDivideByOne);
  apic_write(ApicReg::kTimer, kVectorTimer | (has_deadline ? kTscDeadline : 0));
  timer_stop();
}

void timer_arm(Instant deadline) {
  if (deadline.ns >= kNever.ns) return timer_stop();
  if (has_deadline) return write_deadline(tsc_start + to_ticks(deadline.ns));
  const i64 left = (deadline - clock_now()).ns;
  // Rounded up: firing early would only make the kernel arm it again. What is further away than the counter
  // reaches comes early, and is armed again.
  const u64 count = left <= 0 ? 1 : scale(static_cast<u64>(left), apic_per_ns) + 1;
  apic_write(ApicReg::kTimerInitial, static_cast<u32>(std::min<u64>(count, ~u32{0})));
}

void timer_stop() {
  if (has_deadline)
    write_deadline(0);
  else
    apic_write(ApicReg::kTimerInitial, 0);
}

void clock_describe(Sink& sink) {
  const u64 khz = calibration.tsc_ticks * 1'000'000 / std::max<u64>(calibration.ns, 1);
  format_to(sink, "TSC {}.{:03} MHz (measured against the {}), {}", khz / 1000, khz % 1000,
            calibration.reference, has_deadline ? "TSC-deadline timer" : "APIC timer");
  if (held.load(std::memory_order_relaxed))
    format_to(sink, ", COUNTERS DISAGREE by {} ticks: clock held", worst_lag.load(std::memory_order_relaxed));
}

} // namespace runnel::arch
