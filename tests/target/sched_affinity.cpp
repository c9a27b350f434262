// SPDX-License-Identifier: Apache-2.0
#include "kernel/time/clock.hpp"
#include "kernel/time/sleep.hpp"
#include "tests/target/threads.hpp"

namespace runnel {
namespace {

RUNNEL_TEST(sched, pinned_threads_stay, .cpus = 2, .limit = 5_s)
{
  std::atomic<u32> astray{0};
  test::run_on_each_cpu([&](u32 cpu) {
    for (u32 n = 0; n < 50; ++n) {
      if (arch::Cpu::this_cpu() != CpuId{cpu}) astray.fetch_add(1);
      n % 3 == 0 ? sleep_for(30_us) : yield();
    }
  });
  CHECK(astray.load() == 0u);
}

RUNNEL_TEST(sched, setaffinity_moves_the_caller, .cpus = 2, .limit = 2_s)
{
  for (u32 n = 0; n < 20; ++n)
    for (const CpuId cpu : online_cpus()) {
      REQUIRE(set_affinity(current_task(), CpuMask::of(cpu)).has_value());
      CHECK(arch::Cpu::this_cpu() == cpu);
    }
  CHECK(current_task().stats.nr_migrations > 0u);
}

/// C16: after setaffinity has returned, a running task does not show up on a forbidden CPU.
// C16
RUNNEL_TEST(sched, setaffinity_moves_a_running_thread, .cpus = 2, .limit = 10_s)
{
  std::atomic<u64> allowed{online_cpus().bits()};
  std::atomic<u64> settled{0}; // counts finished changes
  std::atomic<u32> violations{0};
  std::atomic<bool> stop{false};
  auto body = [&](u32) {
    while (!stop.load()) {
      const u64 round = settled.load();
      const u64 mask = allowed.load();
      const CpuId here = arch::Cpu::this_cpu();
      // Only a sample taken wholly between two changes can be judged.
      if (round % 2 == 1 && settled.load() == round && !CpuMask::from_bits(mask).test(here))
        violations.fetch_add(1);
      arch::Cpu::relax();
    }
  };
  {
    test::Threads threads(1, body);
    for (u32 n = 0; n < 100; ++n) {
      const CpuMask mask = CpuMask::of(CpuId{n % online_cpus().count()});
      settled.fetch_add(settled.load() % 2); // even: a change is under way
      allowed.store(mask.bits());
      CHECK(set_affinity(threads[0], mask).has_value());
      settled.fetch_add(1);
      time::delay(50_us);
    }
    stop.store(true);
  }
  CHECK(violations.load() == 0u);
}

// C17
RUNNEL_TEST(sched, setaffinity_by_many_setters, .cpus = 2, .limit = 20_s)
{
  std::atomic<bool> stop{false};
  auto runner = [&](u32) {
    while (!stop.load()) test::burn();
  };
  CpuMask last;
  CpuId seen;
  {
    test::Threads victim(1, runner);
    const u32 n = online_cpus().count();
    test::run_threads(4, [&](u32 i) {
      for (u32 k = 0; k < 20; ++k)
        if (!set_affinity(victim[0], CpuMask::of(CpuId{(i + k) % n}))) panic("setaffinity refused");
    });
    last = victim[0].cpus_mask;
    seen = victim[0].task_cpu();
    stop.store(true);
  }
  CHECK(last.test(seen));
}

// C20
RUNNEL_TEST(sched, stopper_takes_the_cpu_from_anyone, .cpus = 2, .limit = 5_s)
{
  std::atomic<bool> stop{false};
  auto hog = [&](u32) {
    while (!stop.load()) test::burn();
  };
  REQUIRE(set_affinity(current_task(), CpuMask::of(CpuId{0})).has_value());
  CpuId ran_on;
  {
    test::Threads hogs(2, hog, [](u32) { return CpuMask::of(CpuId{1}); });
    sleep_for(1_ms);
    sched::stop_one_cpu(
        CpuId{1}, [](void* arg) { *static_cast<CpuId*>(arg) = arch::Cpu::this_cpu(); }, &ran_on);
    stop.store(true);
  }
  CHECK(ran_on == CpuId{1});
}

} // namespace
} // namespace runnel
