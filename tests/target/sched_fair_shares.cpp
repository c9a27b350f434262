// SPDX-License-Identifier: Apache-2.0
// The fair class gives each its share (spec 3.11 FB3), in windows that fit an emulator: the bound is
// absolute, so a shorter window makes the percentage coarser, not the test weaker.
#include "sched/fair/weights.hpp"
#include "tests/target/sched_fair.hpp"

namespace runnel {
namespace {

using sched::Policy;
using test::FairParams;

/// Runs hogs with `params` for `window` and holds each to weight / W of what all got, +- 2 (r_max + T + e).
test::Hogs::Service check_shares(std::span<const FairParams> params, Duration window) {
  test::Hogs hogs(params);
  const auto service = hogs.during(window);
  i64 weights = 0;
  for (const FairParams& p : params)
    weights += static_cast<i64>(sched::weight_of(p.policy, sched::nice_to_prio(p.nice)) >> 10);
  CHECK(service.all >= window - 10_ms);
  const Duration bound = test::fair_bound(hogs.longest_slice()) * 2;
  for (u32 i = 0; i < params.size(); ++i) {
    const i64 weight =
        static_cast<i64>(sched::weight_of(params[i].policy, sched::nice_to_prio(params[i].nice)) >> 10);
    const Duration share = service.all * weight / weights;
    CHECK(service.of[i] >= share - bound);
    CHECK(service.of[i] <= share + bound);
    test::note("nice {}: {} of {} us, share {} us", params[i].nice, service.of[i].ns / 1000,
               service.all.ns / 1000, share.ns / 1000);
  }
  return service;
}

// F16
RUNNEL_TEST(fair, two_equal_hogs, .limit = 5_s, .time = test::GuestTime::kExact)
{
  const FairParams params[] = {{}, {}};
  check_shares(params, 300_ms);
}

// F17
RUNNEL_TEST(fair, nice_0_against_5, .limit = 5_s, .time = test::GuestTime::kExact)
{
  const FairParams params[] = {{.nice = 0}, {.nice = 5}};
  check_shares(params, 300_ms);
}

// F18
RUNNEL_TEST(fair, nice_0_against_1, .limit = 5_s, .time = test::GuestTime::kExact)
{
  const FairParams params[] = {{.nice = 0}, {.nice = 1}};
  check_shares(params, 500_ms); // long enough to tell 55.5 % from 50 %
}

// F19. A request of 0.1 ms is 34 virtual ms to an IDLE task: with the default its first turn would come later
// than the window ends.
RUNNEL_TEST(fair, idle_policy_progresses, .limit = 5_s, .time = test::GuestTime::kExact)
{
  const FairParams params[] = {{}, {.policy = Policy::kIdle, .slice = 100_us}};
  CHECK(check_shares(params, 300_ms).of[1] > 0_ms);
}

// F20. As F19: the light one's first turn comes after 6.8 virtual ms of V, which the heavy one makes 88 times
// longer.
RUNNEL_TEST(fair, lightest_progresses_beside_the_heaviest, .limit = 5_s, .time = test::GuestTime::kExact)
{
  const FairParams params[] = {{.nice = -20}, {.nice = 19, .slice = 100_us}};
  CHECK(check_shares(params, 700_ms).of[1] > 0_ms);
}

// F21, in a shorter window: 25 hogs a CPU, each held to its share by FB3
RUNNEL_TEST(fair, hundred_hogs_on_four_cpus, .cpus = 4, .limit = 10_s, .time = test::GuestTime::kExact)
{
  constexpr u32 kCount = 100;
  static Task* tasks[kCount];
  static Duration before[kCount];
  std::atomic<bool> stop{false};
  const auto busy = [](void* flag) {
    while (!static_cast<std::atomic<bool>*>(flag)->load(std::memory_order_relaxed)) test::burn();
  };
  for (u32 i = 0; i < kCount; ++i) {
    const Result<Task*> task = kthread_create("hog", busy, &stop, {.cpus = CpuMask::of(CpuId{i % 4})});
    REQUIRE(task.has_value());
    tasks[i] = *task;
  }
  for (Task* task : tasks) kthread_start(*task);
  sleep_for(20_ms);
  for (u32 i = 0; i < kCount; ++i) before[i] = sched::task_runtime(*tasks[i]);
  const Duration window = 600_ms;
  sleep_for(window);
  Duration least = window;
  Duration most;
  for (u32 i = 0; i < kCount; ++i) {
    const Duration ran = sched::task_runtime(*tasks[i]) - before[i];
    if (ran < least) least = ran;
    if (ran > most) most = ran;
  }
  stop.store(true);
  for (Task* task : tasks) kthread_join(task);
  const Duration bound = test::fair_bound(Duration{static_cast<i64>(sched::fair_slice(current_task()))}) * 2;
  test::note("least {} us, most {} us", least.ns / 1000, most.ns / 1000);
  CHECK(least >= window / 25 - bound);
  CHECK(most <= window / 25 + bound);
  CHECK(least > 0_ms);
}

} // namespace
} // namespace runnel
