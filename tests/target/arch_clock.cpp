// SPDX-License-Identifier: Apache-2.0
// The clock never goes back, whichever CPUs ask in whatever order; the one-shot timer follows it.
#include "kernel/sync/completion.hpp"
#include "kernel/time/clock.hpp"
#include "kernel/time/timer.hpp"
#include "tests/target/threads.hpp"

#include <algorithm>
#include <arch/cpu.hpp>
#include <arch/irqchip.hpp>
#include <arch/timer.hpp>

namespace runnel {
namespace {

/// The newest time and who saw it in one word: the number of the CPU in the low bits.
struct Newest {
  static constexpr u64 kCpuBits = 6;
  static_assert(kMaxCpus <= 1u << kCpuBits);
  std::atomic<u64> word{0};
  std::atomic<u64> went_back{0}, crossings{0};

  void look(u32 cpu) {
    const u64 seen = word.load(std::memory_order_acquire); // pairs with the release below
    const u64 now = arch::clock_now().ns;
    if (now < seen >> kCpuBits) went_back.fetch_add(1, std::memory_order_relaxed);
    if ((seen & ((1u << kCpuBits) - 1)) != cpu) crossings.fetch_add(1, std::memory_order_relaxed);
    u64 expected = seen;
    const u64 mine = now << kCpuBits | cpu;
    while ((expected >> kCpuBits) < now &&
           !word.compare_exchange_weak(expected, mine, std::memory_order_release, std::memory_order_relaxed))
      arch::Cpu::relax();
  }
};

RUNNEL_TEST(arch_clock, never_goes_back_across_cpus, .cpus = 2, .limit = 20_s)
{
  constexpr u32 kPhases = 2;
  constexpr u32 kLooks = 500;
  const u32 cpus = online_cpus().count();
  Newest newest;
  test::Barrier barrier(cpus);
  test::run_on_each_cpu([&](u32 cpu) {
    for (u32 phase = 0; phase < kPhases; ++phase) {
      barrier.wait();
      for (u32 i = 0; i < kLooks; ++i) {
        newest.look(cpu);
        arch::Cpu::relax();
      }
    }
  });
  CHECK(newest.went_back.load() == 0u);
  // However the host lets the CPUs run: in each phase all but one CPU look first at the time of another.
  CHECK(newest.crossings.load() >= kPhases * (cpus - 1));
  test::note("{} of {} looks followed another CPU's", newest.crossings.load(), kPhases * kLooks * cpus);
}

RUNNEL_TEST(arch_clock, never_goes_back_on_one_cpu)
{
  u32 back = 0;
  u32 advanced = 0;
  Instant last = arch::clock_now();
  for (u32 i = 0; i < 1000; ++i) {
    const Instant now = arch::clock_now();
    if (now.is_before(last)) ++back;
    if (now.is_after(last)) ++advanced;
    last = now;
  }
  CHECK(back == 0u);
  CHECK(advanced > 0u);
}

struct Shot : time::Timer {
  Shot()
      : Timer([](Timer& timer) {
          auto& self = static_cast<Shot&>(timer);
          self.late = (arch::clock_now() - self.expires).ns;
          self.done.complete();
        }) {}
  i64 late = 0;
  Completion done;
};

RUNNEL_TEST(arch_timer, one_shot_is_close_to_the_clock, .limit = 20_s)
{
  constexpr u32 kShots = 32;
  constexpr Duration kDelay = 2_ms;
  i64 late[kShots];
  for (i64& one : late) {
    Shot shot;
    time::timer_start(shot, time::now() + kDelay);
    shot.done.wait();
    time::timer_cancel_sync(shot);
    one = shot.late;
  }
  std::sort(late, late + kShots);
  CHECK(late[0] >= 0);
  // The host may stop the emulator at any time, so only the best of many says something about the timer.
  CHECK(late[0] < kDelay.ns);
  test::note("late by {} ns at best, {} at the median, {} at worst", late[0], late[kShots / 2],
             late[kShots - 1]);
}

RUNNEL_TEST(arch_timer, every_cpu_has_its_own, .limit = 20_s)
{
  test::run_on_each_cpu([](u32 cpu) {
    const u64 before = arch::irq_counts(CpuId{cpu}).timer;
    for (u32 i = 0; i < 4; ++i) {
      Shot shot;
      time::timer_start(shot, time::now() + 300_us);
      shot.done.wait();
      time::timer_cancel_sync(shot);
      CHECK(shot.late >= 0);
    }
    CHECK(arch::irq_counts(CpuId{cpu}).timer >= before + 4);
  });
}

} // namespace
} // namespace runnel
