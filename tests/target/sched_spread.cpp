// SPDX-License-Identifier: Apache-2.0
// Fair tasks on several CPUs: they spread, and stay spread (spec 3.12).
#include "kernel/time/clock.hpp"
#include "kernel/time/sleep.hpp"
#include "tests/target/threads.hpp"

#include <optional>
#include <sched/attr.hpp>
#include <sched/rq.hpp>
#include <sched/sched.hpp>

namespace runnel {
namespace {

/// Burns until `end`, and adds up what it got.
struct Hogs {
  explicit Hogs(Duration time) : end(time::now() + time) {}
  void operator()(u32) {
    while (time::now().is_before(end)) test::burn();
  }
  const Instant end;
};

/// What each of `count` threads ran within `span`, from now.
template <typename Body>
void measure(test::Threads<Body>& threads, u32 count, Duration span, Duration (&ran)[64]) {
  for (u32 i = 0; i < count; ++i) ran[i] = sched::task_runtime(threads[i]);
  sleep_for(span);
  for (u32 i = 0; i < count; ++i) ran[i] = sched::task_runtime(threads[i]) - ran[i];
}

// F31
RUNNEL_TEST(sched, as_many_hogs_as_cpus_have_one_each, .cpus = 2, .limit = 5_s,
            .time = test::GuestTime::kExact)
{
  const u32 n = online_cpus().count();
  Hogs body(700_ms);
  test::Threads threads(n, body);
  sleep_for(100_ms);
  Duration ran[64];
  measure(threads, n, 500_ms, ran);
  for (u32 i = 0; i < n; ++i) CHECK(ran[i] >= 400_ms); // this thread, too, wants a CPU now and then
}

// F31: all on one CPU at first
RUNNEL_TEST(sched, hogs_that_start_on_one_cpu_spread, .cpus = 2, .limit = 5_s,
            .time = test::GuestTime::kExact)
{
  const u32 n = online_cpus().count();
  Hogs body(700_ms);
  test::Threads threads(n, body, [](u32) { return CpuMask::of(CpuId{0}); });
  for (u32 i = 0; i < n; ++i) REQUIRE(set_affinity(threads[i], CpuMask::all()));
  sleep_for(100_ms);
  Duration ran[64];
  measure(threads, n, 500_ms, ran);
  for (u32 i = 0; i < n; ++i) CHECK(ran[i] >= 350_ms);
}

// F35
RUNNEL_TEST(sched, pinned_tasks_do_not_hold_free_ones_back, .cpus = 4, .limit = 10_s,
            .time = test::GuestTime::kExact)
{
  Hogs body(1400_ms);
  test::Threads threads(8, body,
                        [](u32 i) { return i < 4 ? CpuMask::of(CpuId{0}) : CpuMask::from_bits(0xf); });
  sleep_for(200_ms);
  Duration ran[64];
  measure(threads, 8, 1_s, ran);
  Duration free;
  for (u32 i = 4; i < 8; ++i) {
    free += ran[i];
    CHECK(ran[i] >= 400_ms); // 750 ms, were three CPUs divided evenly at every moment
  }
  CHECK(free >= 2700_ms); // CPUs 1 to 3 are theirs alone
  u64 migrations = 0;
  for (u32 i = 0; i < 8; ++i) migrations += threads[i].stats.nr_migrations;
  CHECK(migrations <= 400u); // no running in circles
}

/// Of 20 threads that sleep and wake up while every CPU but the last one is kept busy, those that then ran
/// anywhere else than on that one, which has a hog of policy `last`, or none.
u32 woke_up_elsewhere(std::optional<sched::Policy> last) {
  const u32 n = online_cpus().count();
  std::atomic<bool> stop{false};
  auto hog = [&](u32 i) {
    sched::SchedAttr attr;
    attr.policy = static_cast<u32>(i == n - 1 ? *last : sched::Policy::kNormal);
    CHECK(sched::sched_setattr(current_task(), attr).has_value());
    while (!stop.load(std::memory_order_relaxed)) test::burn();
  };
  const u32 busy = last ? n : n - 1;
  test::Threads hogs(busy, hog, [](u32 i) { return CpuMask::of(CpuId{i}); });
  CHECK(set_affinity(current_task(), CpuMask::of(CpuId{0})).has_value());
  sleep_for(50_ms);
  u32 elsewhere = 0;
  for (u32 round = 0; round < 20; ++round) {
    std::atomic<u32> ran_on{kMaxCpus};
    auto sleeper = [&](u32) {
      sleep_for(2_ms);
      ran_on.store(arch::Cpu::this_cpu().value);
    };
    test::Threads one(1, sleeper);
    one.join();
    elsewhere += ran_on.load() == n - 1 ? 0 : 1;
  }
  stop.store(true);
  hogs.join();
  CHECK(set_affinity(current_task(), CpuMask::all()).has_value());
  return elsewhere;
}

bool one_cache() { return sched::cpus_share_cache(CpuId{0}, CpuId{online_cpus().count() - 1}); }

// F32
RUNNEL_TEST(sched, a_wake_up_goes_to_the_idle_cpu_of_the_cache, .cpus = 2, .limit = 10_s,
            .time = test::GuestTime::kExact)
{
  if (!one_cache()) return test::skip("needs one cache for all CPUs");
  CHECK(woke_up_elsewhere(std::nullopt) == 0u);
}

// F33
RUNNEL_TEST(sched, a_cpu_of_idle_policy_tasks_is_free_for_a_normal_one, .cpus = 2, .limit = 10_s,
            .time = test::GuestTime::kExact)
{
  if (!one_cache()) return test::skip("needs one cache for all CPUs");
  CHECK(woke_up_elsewhere(sched::Policy::kIdle) == 0u);
}

} // namespace
} // namespace runnel
