// SPDX-License-Identifier: Apache-2.0

#include "kernel/smp/cpumask.hpp"
#include "kernel/smp/hotplug.hpp"
#include "kernel/time/sleep.hpp"
#include "tests/target/threads.hpp"

#include <sched/migrate_disable.hpp>
#include <sched/sched.hpp>

namespace runnel {
namespace {

/// Whatever a test did, all CPUs are up again afterwards.
struct AllUp {
  ~AllUp() {
    for (u32 i = 1; i < nr_cpus(); ++i)
      if (!online_cpus().test({i})) CHECK(smp::cpu_up({i}).has_value());
  }
};

RUNNEL_TEST(sched, hotplug_refuses_what_it_must, .cpus = 2)
{
  CHECK(smp::cpu_down({0}) == err(Errno::kBUSY));
  CHECK(smp::cpu_down({nr_cpus()}) == err(Errno::kINVAL));
  CHECK(smp::cpu_up({1}) == err(Errno::kINVAL));
}

RUNNEL_TEST(sched, hotplug_down_and_up, .cpus = 2)
{
  const AllUp after;
  for (u32 round = 0; round < 3; ++round) {
    REQUIRE(smp::cpu_down({1}).has_value());
    CHECK(!online_cpus().test({1}));
    CHECK(smp::cpu_down({1}) == err(Errno::kINVAL));
    REQUIRE(smp::cpu_up({1}).has_value());
    // It does work again.
    u32 ran_on = 0;
    auto body = [&](u32) { ran_on = arch::Cpu::this_cpu().value; };
    {
      test::Threads threads(1, body, [](u32) { return CpuMask::of({1}); });
    }
    CHECK(ran_on == 1u);
  }
}

// C31
RUNNEL_TEST(sched, hotplug_pinned_thread_runs_elsewhere, .cpus = 2)
{
  const AllUp after;
  std::atomic<u32> stop{0};
  std::atomic<u64> rounds{0};
  auto body = [&](u32) {
    while (stop.load() == 0) {
      test::burn();
      rounds.fetch_add(1);
    }
  };
  test::Threads threads(1, body, [](u32) { return CpuMask::of({1}); });
  while (rounds.load() == 0) sleep_for(100_us);
  REQUIRE(smp::cpu_down({1}).has_value());
  const u64 then = rounds.load();
  while (rounds.load() == then) sleep_for(100_us);
  CHECK(threads[0].task_cpu() != CpuId{1});
  CHECK(threads[0].cpus_mask.count() > 1u);
  stop.store(1);
}

// C19
RUNNEL_TEST(sched, hotplug_waits_for_migrate_disabled, .cpus = 2)
{
  const AllUp after;
  std::atomic<u32> inside{0}, let_go{0}, left_on{~0u};
  auto body = [&](u32) {
    sched::migrate_disable();
    inside.store(1);
    while (let_go.load() == 0) sleep_for(200_us);
    left_on.store(arch::Cpu::this_cpu().value);
    sched::migrate_enable();
  };
  test::Threads pinned(1, body, [](u32) { return CpuMask::of({1}); });
  while (inside.load() == 0) sleep_for(100_us);
  std::atomic<u32> down{0};
  auto unplug = [&](u32) { down.store(smp::cpu_down({1}).has_value() ? 1 : 2); };
  test::Threads unplugger(1, unplug);
  sleep_for(5_ms);
  CHECK(down.load() == 0u);
  let_go.store(1);
  unplugger.join();
  pinned.join();
  CHECK(down.load() == 1u);
  CHECK(left_on.load() == 1u);
}

// C22
RUNNEL_TEST(sched, hotplug_hammer_under_load, .cpus = 2, .limit = 20_s)
{
  const AllUp after;
  constexpr u32 kThreads = 8;
  std::atomic<u32> stop{0};
  std::atomic<u64> rounds[kThreads] = {};
  auto body = [&](u32 i) {
    while (stop.load() == 0) {
      if (i % 2 == 0)
        test::burn();
      else
        sleep_for(50_us);
      rounds[i].fetch_add(1);
    }
  };
  test::Threads threads(kThreads, body);
  u64 seen[kThreads] = {};
  for (u32 round = 0; round < 3; ++round) {
    for (u32 cpu = 1; cpu < nr_cpus(); ++cpu) REQUIRE(smp::cpu_down({cpu}).has_value());
    CHECK(online_cpus() == CpuMask::of({0}));
    for (u32 i = 0; i < kThreads; ++i) seen[i] = rounds[i].load();
    for (u32 i = 0; i < kThreads; ++i)
      while (rounds[i].load() == seen[i]) sleep_for(1_ms); // nobody is lost
    for (u32 cpu = 1; cpu < nr_cpus(); ++cpu) REQUIRE(smp::cpu_up({cpu}).has_value());
    sleep_for(2_ms);
  }
  stop.store(1);
}

} // namespace
} // namespace runnel
