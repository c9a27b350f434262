// SPDX-License-Identifier: Apache-2.0
// What things cost, in guest nanoseconds: in deterministic mode one is one instruction of all CPUs together,
// and the figures are the same in every run. Not run by default: `bench.*` names them.
#include "kernel/log/log.hpp"
#include "kernel/smp/call.hpp"
#include "kernel/sync/completion.hpp"
#include "kernel/time/clock.hpp"
#include "kernel/time/sleep.hpp"
#include "kernel/time/timer.hpp"
#include "tests/target/threads.hpp"

namespace runnel {
namespace {

void report(const char* name, Duration total, u64 count) {
  raw_print("# bench {} {} instructions", name, static_cast<u64>(total.ns) / count);
}

RUNNEL_TEST(bench, context_switch, .limit = 10_s, .select = test::Select::kOnlyByName)
{
  constexpr u32 kRounds = 2000;
  Instant start;
  Instant end;
  auto body = [&](u32 i) {
    if (i == 0) start = time::now();
    for (u32 n = 0; n < kRounds; ++n) yield();
    if (i == 1) end = time::now();
  };
  {
    test::Threads threads(2, body, [](u32) { return CpuMask::of(CpuId{0}); });
  }
  report("context_switch_yield", end - start, 2 * kRounds);
}

RUNNEL_TEST(bench, wakeup_local, .limit = 10_s, .select = test::Select::kOnlyByName)
{
  constexpr u32 kRounds = 1000;
  Completion ping;
  Completion pong;
  Duration took;
  auto body = [&](u32 i) {
    const Instant start = time::now();
    for (u32 n = 0; n < kRounds; ++n) {
      if (i == 0) {
        ping.complete();
        pong.wait();
      } else {
        ping.wait();
        pong.complete();
      }
    }
    if (i == 0) took = time::now() - start;
  };
  {
    test::Threads threads(2, body, [](u32) { return CpuMask::of(CpuId{0}); });
  }
  report("completion_round_trip_one_cpu", took, kRounds);
}

RUNNEL_TEST(bench, ipi_round_trip, .cpus = 2, .limit = 10_s, .select = test::Select::kOnlyByName)
{
  constexpr u32 kRounds = 1000;
  REQUIRE(set_affinity(current_task(), CpuMask::of(CpuId{0})).has_value());
  const Instant start = time::now();
  for (u32 n = 0; n < kRounds; ++n) call_function(CpuMask::of(CpuId{1}), [](void*) {}, nullptr, Wait::kYes);
  report("ipi_round_trip_idle_target", time::now() - start, kRounds);
}

/// One function for both measurements, so that the loop costs the same in each.
[[gnu::noinline]] Duration spin(u64 loops) {
  const Instant start = time::now();
  for (u64 n = 0; n < loops; ++n) arch::Cpu::relax();
  return time::now() - start;
}

RUNNEL_TEST(bench, timer_interrupt, .limit = 10_s, .select = test::Select::kOnlyByName)
{
  struct Every : time::Timer {
    Every()
        : Timer([](Timer& t) {
            ++static_cast<Every&>(t).count;
            time::timer_start(t, time::now() + 20_us);
          }) {}
    std::atomic<u32> count{0};
  };
  constexpr u64 kLoops = 1'000'000;
  const PreemptGuard pinned;
  Every timer;
  time::timer_start(timer, time::now() + 20_us);
  const Duration with = spin(kLoops);
  time::timer_cancel_sync(timer);
  const Duration without = spin(kLoops);
  report("timer_interrupt", with - without, timer.count.load());
}

} // namespace
} // namespace runnel
