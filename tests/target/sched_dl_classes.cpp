// SPDX-License-Identifier: Apache-2.0
// Deadline tasks beside the other classes, and their admission (catalogue 9.4).
#include "tests/target/dl_tasks.hpp"

namespace runnel {
namespace {

constexpr CpuMask kCpu0 = CpuMask::of(CpuId{0});

// D18
RUNNEL_TEST(sched_dl, preempts_the_highest_realtime_task, .limit = 5_s, .time = test::GuestTime::kExact)
{
  const test::AdmissionOff may_be_bound;
  std::atomic<bool> stop{false};
  std::atomic<bool> ready{false};
  Duration worst;
  u32 rounds = 0;
  auto body = [&](u32 i) {
    Task& self = current_task();
    if (i == 0) {
      while (!ready.load()) sleep_for(100_us);
      test::set_fifo(self, 99);
      while (!stop.load(std::memory_order_relaxed)) test::burn();
      return;
    }
    CHECK(test::set_deadline(self, 2_ms, 10_ms, 10_ms).has_value());
    ready.store(true);
    for (; rounds < 20; ++rounds) {
      const Instant due = time::now() + 1_ms;
      sleep_until(due);
      if (const Duration late = time::now() - due; late > worst) worst = late;
    }
    stop.store(true);
  };
  {
    test::Threads threads(2, body, [](u32) { return kCpu0; });
  }
  test::note("latest {} ns", worst.ns);
  CHECK(rounds == 20u);
  CHECK(worst <= 100_us);
}

// D18
RUNNEL_TEST(sched_dl, gives_way_to_the_stopper, .cpus = 2, .limit = 5_s, .time = test::GuestTime::kExact)
{
  const test::AdmissionOff may_be_bound;
  std::atomic<bool> stop{false};
  std::atomic<bool> runs{false};
  auto body = [&](u32) {
    CHECK(test::set_deadline(current_task(), 50_ms, 60_ms, 60_ms).has_value());
    runs.store(true);
    while (!stop.load(std::memory_order_relaxed)) test::burn();
  };
  const CpuMask before = current_task().cpus_mask;
  REQUIRE(set_affinity(current_task(), kCpu0).has_value());
  Duration worst;
  {
    test::Threads threads(1, body, [](u32) { return CpuMask::of(CpuId{1}); });
    while (!runs.load()) sleep_for(100_us);
    for (u32 n = 0; n < 10; ++n) {
      Instant ran;
      const Instant asked = time::now();
      sched::stop_one_cpu(CpuId{1}, [](void* at) { *static_cast<Instant*>(at) = time::now(); }, &ran);
      if (ran - asked > worst) worst = ran - asked;
      sleep_for(300_us);
    }
    stop.store(true);
  }
  CHECK(set_affinity(current_task(), before).has_value());
  test::note("latest {} ns", worst.ns);
  CHECK(worst <= 100_us);
}

/// A thread that sleeps until told to end; its policy is what the test gives it.
struct Sleeper {
  Completion end;
  static void run(void* self) { static_cast<Sleeper*>(self)->end.wait(); }
};

// D02, D19
RUNNEL_TEST(sched_dl, bandwidth_is_free_at_the_zero_lag_time, .limit = 5_s, .time = test::GuestTime::kExact)
{
  const u64 before = sched::dl_limit().total_bw;
  const u32 cpus = online_cpus().count();
  constexpr u32 kMost = 8;
  REQUIRE(cpus <= kMost);
  Sleeper sleepers[kMost];
  Task* tasks[kMost] = {};
  // All CPUs but one are full of promises; on the last one there is room for one such task.
  for (u32 i = 0; i < cpus; ++i) {
    const Result<Task*> task = kthread_run("sleeper", Sleeper::run, &sleepers[i]);
    REQUIRE(task.has_value());
    tasks[i] = *task;
    if (i + 1 < cpus) CHECK(test::set_deadline(**task, 40_ms, 50_ms, 50_ms).has_value());
  }
  Task& rival = *tasks[cpus - 1];
  u32 refused_too_late = 0;
  auto body = [&](u32) {
    Task& self = current_task();
    CHECK(test::set_deadline(self, 40_ms, 50_ms, 50_ms).has_value());
    CHECK(test::set_deadline(rival, 40_ms, 50_ms, 50_ms).error() == Errno::kBUSY);
    CHECK(sched::dl_missing_bandwidth(
              rival, {.runtime = 40'000'000, .deadline = 50'000'000, .period = 50'000'000, .flags = 0}) !=
          0u);
    test::work_for(20_ms); // its 0-lag time is 25 ms after it began
    CHECK(test::set_normal(self).has_value());
    CHECK(test::set_deadline(rival, 40_ms, 50_ms, 50_ms).error() == Errno::kBUSY);
    sleep_for(8_ms);
    if (!test::set_deadline(rival, 40_ms, 50_ms, 50_ms)) ++refused_too_late;
  };
  {
    test::Threads threads(1, body);
  }
  CHECK(refused_too_late == 0u);
  CHECK(test::set_normal(rival).has_value()); // asleep, and its 0-lag time has not come
  for (u32 i = 0; i < cpus; ++i) {
    sleepers[i].end.complete();
    kthread_join(tasks[i]);
  }
  test::AdmissionOff::wait_for_bandwidth(before);
}

// D02, on the machine: what one CPU holds beside its servers
RUNNEL_TEST(sched_dl, admission_stops_at_the_limit, .time = test::GuestTime::kExact)
{
  const u64 before = sched::dl_limit().total_bw;
  const u32 cpus = online_cpus().count();
  constexpr u32 kMost = 9;
  REQUIRE(cpus < kMost);
  Sleeper sleepers[kMost];
  Task* tasks[kMost] = {};
  for (u32 i = 0; i <= cpus; ++i) {
    const Result<Task*> task = kthread_run("sleeper", Sleeper::run, &sleepers[i]);
    REQUIRE(task.has_value());
    tasks[i] = *task;
    if (i < cpus) CHECK(test::set_deadline(**task, 8500_us, 10_ms, 10_ms).has_value());
  }
  Task& last = *tasks[cpus];
  CHECK(test::set_deadline(last, 100_us, 10_ms, 10_ms).error() == Errno::kBUSY);
  CHECK(sched::dl_set_limit(1'000'000, 900'000).error() == Errno::kBUSY); // less than is promised
  CHECK(sched::dl_set_limit(1'000'000, 1'000'001).error() == Errno::kINVAL);
  CHECK(sched::dl_limit().runtime_us == 950'000);
  CHECK(test::set_deadline(*tasks[0], 8400_us, 10_ms, 10_ms).has_value()); // less is always possible
  CHECK(test::set_deadline(last, 90_us, 10_ms, 10_ms).has_value());
  CHECK(test::set_deadline(*tasks[0], 8500_us, 10_ms, 10_ms).error() == Errno::kBUSY);
  for (u32 i = 0; i <= cpus; ++i) {
    sleepers[i].end.complete();
    kthread_join(tasks[i]);
  }
  test::AdmissionOff::wait_for_bandwidth(before);
}

} // namespace
} // namespace runnel
