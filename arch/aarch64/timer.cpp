// SPDX-License-Identifier: Apache-2.0
// The generic timer: the clock is the virtual counter, which all CPUs share; each has its virtual timer.
#include <arch/cpu.hpp>
#include <arch/timer.hpp>
#include <arch/vdso.hpp>
#include <atomic>

namespace runnel::arch {
namespace {

using u128 = unsigned __int128;

constexpr u64 kEnable = 1, kMask = 2;
constexpr u64 kSecond = 1'000'000'000;

/// A factor as whole and 2^-64 parts: exact to one unit over all 64 bits, and nothing to overflow before the
/// result itself does.
struct Ratio {
  u64 whole = 0, fraction = 0;

  static Ratio of(u64 numerator, u64 denominator) {
    Ratio ratio{numerator / denominator, 0};
    u64 rest = numerator % denominator; // both far below 2^63: the doubling does not overflow
    for (u32 bit = 0; bit < 64; ++bit) {
      rest *= 2;
      ratio.fraction = ratio.fraction << 1 | (rest >= denominator ? 1 : 0);
      if (rest >= denominator) rest -= denominator;
    }
    return ratio;
  }
  u64 times(u64 value) const {
    return value * whole + static_cast<u64>(static_cast<u128>(value) * fraction >> 64);
  }
};

/// Set once by clock_init, before other CPUs run.
struct Clock {
  u64 frequency = 0; // counter ticks a second
  u64 base = 0;      // counter at clock_init
  Ratio ns_of_tick, ticks_of_ns;
};
constinit Clock clock;
constinit std::atomic<u64> newest_count{0}; // seen by any CPU's timer_init_cpu
constinit std::atomic<u64> worst_lag{0};    // ticks a CPU's counter was behind

u64 counter() {
  u64 count;
  asm volatile("isb\n\tmrs %0, cntvct_el0"
               : "=r"(count)::"memory"); // isb: not read ahead of what comes before
  return count;
}

/// First tick at which the clock shows `ns` or later.
u64 to_ticks(u64 ns) {
  u64 ticks = clock.ticks_of_ns.times(ns);
  for (u32 rounding = 0; rounding < 3 && clock.ns_of_tick.times(ticks) < ns; ++rounding) ++ticks;
  return ticks;
}

void write_control(u64 value) { asm volatile("msr cntv_ctl_el0, %0\n\tisb" ::"r"(value) : "memory"); }

} // namespace

void clock_init(const MachineInfo&) {
  asm volatile("mrs %0, cntfrq_el0" : "=r"(clock.frequency));
  if (clock.frequency == 0) clock.frequency = kSecond; // firmware bug; a wrong clock beats a division by zero
  clock.ns_of_tick = Ratio::of(kSecond, clock.frequency);
  clock.ticks_of_ns = Ratio::of(clock.frequency, kSecond);
  clock.base = counter();
}

void timer_init_cpu(CpuId) {
  write_control(kMask);
  const u64 here = counter();
  // Partner: the exchange below on the CPU that came before; the counters are one in hardware (Arm ARM
  // D12.1), so a CPU that is behind has a wrong CNTVOFF_EL2 from its hypervisor. clock_describe tells.
  u64 newest = newest_count.load(std::memory_order_acquire);
  if (here < newest && newest - here > worst_lag.load(std::memory_order_relaxed))
    worst_lag.store(newest - here, std::memory_order_relaxed);
  while (newest < here && !newest_count.compare_exchange_weak(newest, here, std::memory_order_acq_rel))
    Cpu::relax();
}

Instant clock_now() {
  if (clock.base == 0) return {};
  return {clock.ns_of_tick.times(counter() - clock.base)};
}

std::optional<UserClock> clock_for_user() {
  if (worst_lag.load(std::memory_order_relaxed) != 0) return std::nullopt;
  return UserClock{
      .base = clock.base, .whole = clock.ns_of_tick.whole, .fraction = clock.ns_of_tick.fraction};
}

void timer_arm(Instant deadline) {
  if (deadline.ns >= kNever.ns) return timer_stop();
  const u64 at = clock.base + to_ticks(deadline.ns);
  asm volatile("msr cntv_cval_el0, %0" ::"r"(at) : "memory");
  write_control(kEnable);
}

void timer_stop() { write_control(kMask); }

void clock_describe(Sink& sink) {
  format_to(sink, "generic timer {}.{:06} MHz, virtual", clock.frequency / 1'000'000,
            clock.frequency % 1'000'000);
  if (const u64 lag = worst_lag.load(std::memory_order_relaxed); lag != 0)
    format_to(sink, ", COUNTERS DISAGREE by {} ticks", lag);
}

} // namespace runnel::arch
