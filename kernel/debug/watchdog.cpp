// SPDX-License-Identifier: Apache-2.0
#include "kernel/debug/watchdog.hpp"

#include "kernel/debug/report.hpp"
#include "kernel/log/log.hpp"
#include "kernel/smp/call.hpp"
#include "kernel/smp/cpumask.hpp"
#include "kernel/smp/percpu.hpp"
#include "kernel/time/clock.hpp"
#include "kernel/time/timer.hpp"

#include <arch/irqchip.hpp>
#include <atomic>

namespace runnel {
namespace {

// A neighbour that takes no interrupt for this long, over at least kMinChecks looks, is hung. One look counts
// for at most a second: when the whole machine was stopped for a while, nobody is to blame.
constexpr Duration kHangAfter = 4_s;
constexpr u32 kMinChecks = 4;
constexpr Duration kMostPerCheck = 1_s;
constexpr Duration kCheckPeriod = 250_ms;
constexpr Duration kTimerPeriod = 1_s;

void on_timer(time::Timer& timer);

struct CpuWatch {
  std::atomic<u64> beats{0}; // by watchdog_touch; the rest only by this CPU in interrupt context
  Instant next_check;
  Instant last_check;
  CpuId neighbour;
  u64 neighbour_beats = 0;
  Duration silence;
  u32 silent_checks = 0;
};
constinit PerCpu<CpuWatch> watches;

struct WatchTimer : time::Timer {
  constexpr WatchTimer() : Timer(on_timer) {}
};
constinit PerCpu<WatchTimer> timers;

constinit std::atomic<bool> running{false};
constinit std::atomic<Heartbeat> heartbeat{Heartbeat::kOn};
constinit std::atomic<u64> run_deadline{kNever.ns};
constinit std::atomic<u64> run_limit_ns{0};
constinit std::atomic<u64> item_deadline{kNever.ns};
constinit std::atomic<u64> item_limit_ns{0};
constinit std::atomic<const char*> item{nullptr};

template <typename... Args> [[noreturn]] void hang(std::string_view fmt, const Args&... args) {
  const FormatArg list[] = {FormatArg(args)...};
  debug::die(debug::Ending::kHang, arch::capture_registers(), fmt, list);
}

void check_limits(Instant now) {
  // Relaxed: a limit that was just changed is seen at the next check.
  if (now.is_after({item_deadline.load(std::memory_order_relaxed)}))
    hang("{} did not end within its limit of {} ms", watchdog_item(),
         item_limit_ns.load(std::memory_order_relaxed) / 1'000'000);
  if (now.is_after({run_deadline.load(std::memory_order_relaxed)}))
    hang("the run did not end within its limit of {} s",
         run_limit_ns.load(std::memory_order_relaxed) / 1'000'000'000);
}

CpuId next_online(CpuId cpu) {
  const CpuMask online = online_cpus();
  const CpuMask above = online & ~CpuMask::first(cpu.value + 1);
  return above.empty() ? online.lowest() : above.lowest();
}

void check_neighbour(CpuWatch& self, CpuId me, Instant now) {
  const CpuId neighbour = next_online(me);
  if (neighbour == me) return;
  const u64 beats = watches.on(neighbour).beats.load(std::memory_order_relaxed);
  if (neighbour != self.neighbour || beats != self.neighbour_beats) {
    self.neighbour = neighbour;
    self.neighbour_beats = beats;
    self.silence = {};
    self.silent_checks = 0;
  } else {
    const Duration passed = now - self.last_check;
    self.silence += passed < kMostPerCheck ? passed : kMostPerCheck;
    if (++self.silent_checks >= kMinChecks && self.silence >= kHangAfter)
      hang("cpu {} has taken no interrupt for {} ms (seen by cpu {})", neighbour, self.silence.ns / 1'000'000,
           me);
    arch::send_ipi(neighbour, arch::Ipi::kReschedule); // an idle CPU without ticks answers this
  }
  self.last_check = now;
}

void check(Instant now) {
  check_limits(now);
  const CpuId me = arch::Cpu::this_cpu();
  CpuWatch& self = watches.on(me);
  if (now.is_before(self.next_check)) return;
  self.next_check = now + kCheckPeriod;
  check_neighbour(self, me, now);
}

void on_timer(time::Timer& timer) {
  if (!running.load(std::memory_order_relaxed)) return;
  const Instant now = time::now();
  if (arch::Cpu::this_cpu() == online_cpus().lowest() &&
      heartbeat.load(std::memory_order_relaxed) == Heartbeat::kOn)
    raw_print("runnel: alive {}", now.ns / 1'000'000'000);
  check(now);
  time::timer_start(timer, timer.expires + kTimerPeriod);
}

void start_here(void*) {
  // On full seconds of guest time, so that "alive" lines are the same in runs that differ a little before.
  const Instant now = time::now();
  const Instant full{now.ns - now.ns % static_cast<u64>(kTimerPeriod.ns)};
  time::timer_start(timers.local(), full + kTimerPeriod);
}

} // namespace

void watchdog_tick() { check(time::now()); }

void watchdog_touch() {
  auto& beats = watches.local().beats; // one writer: no read-modify-write needed
  beats.store(beats.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
}

void watchdog_start() {
  if (!running.exchange(true)) call_function(online_cpus(), start_here, nullptr, Wait::kYes);
}

void watchdog_cpu_down() { time::timer_cancel(timers.local()); }

void watchdog_cpu_up(CpuId cpu) {
  if (running.load(std::memory_order_relaxed))
    call_function(CpuMask::of(cpu), start_here, nullptr, Wait::kYes);
}

void watchdog_stop() {
  if (!running.exchange(false)) return;
  for (const CpuId cpu : online_cpus()) time::timer_cancel_sync(timers.on(cpu));
}

void watchdog_heartbeat(Heartbeat now) { heartbeat.store(now, std::memory_order_relaxed); }

void watchdog_set_run_limit(Duration limit) {
  run_limit_ns.store(limit.ns > 0 ? static_cast<u64>(limit.ns) : 0, std::memory_order_relaxed);
  run_deadline.store(limit.ns > 0 ? (time::now() + limit).ns : kNever.ns, std::memory_order_relaxed);
}

void watchdog_begin_item(const char* name, Duration limit) {
  item_limit_ns.store(static_cast<u64>(limit.ns), std::memory_order_relaxed);
  item.store(name, std::memory_order_relaxed);
  item_deadline.store((time::now() + limit).ns, std::memory_order_relaxed);
}

void watchdog_end_item() {
  item_deadline.store(kNever.ns, std::memory_order_relaxed);
  item.store(nullptr, std::memory_order_relaxed);
}

const char* watchdog_item() { return item.load(std::memory_order_relaxed); }

} // namespace runnel
