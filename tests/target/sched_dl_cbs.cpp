// SPDX-License-Identifier: Apache-2.0
// One deadline task and what its bandwidth server lets it do (catalogue 9.4).
#include "tests/target/dl_tasks.hpp"

namespace runnel {
namespace {

constexpr CpuMask kCpu0 = CpuMask::of(CpuId{0});

/// A thread that uses all it gets, until told to stop.
struct Hog {
  std::atomic<bool> stop{false};
  void run() const {
    while (!stop.load(std::memory_order_relaxed)) test::burn();
  }
};

sched::DlDynamic dynamic(Task& task) {
  const Result<sched::SchedAttr> attr = sched::sched_getattr(task, sched::kSchedGetattrFlagDlDynamic);
  CHECK(attr.has_value());
  return {static_cast<i64>(attr->runtime), Instant{attr->deadline}};
}

// D13
RUNNEL_TEST(sched_dl, a_hog_gets_its_share_and_harms_nobody, .limit = 5_s, .time = test::GuestTime::kExact)
{
  constexpr test::JobSpec kNeighbour{30_ms, 100_ms, 100_ms};
  constexpr Duration kWindow = 600_ms;
  const test::AdmissionOff may_be_bound;
  Hog hog;
  test::JobStats stats;
  Duration used;
  auto body = [&](u32 i) {
    Task& self = current_task();
    if (i == 0) {
      CHECK(test::set_deadline(self, 10_ms, 100_ms, 100_ms).has_value());
      return hog.run();
    }
    CHECK(test::set_deadline(self, kNeighbour.runtime, kNeighbour.deadline, kNeighbour.period).has_value());
    const Instant first = time::now() + 1_ms;
    stats = test::run_jobs(kNeighbour, test::job_work(kNeighbour.runtime), first, first + kWindow);
  };
  {
    test::Threads threads(2, body, [](u32) { return kCpu0; });
    sleep_for(1_ms);
    const Duration before = sched::task_runtime(threads[0]);
    sleep_for(kWindow);
    used = sched::task_runtime(threads[0]) - before;
    hog.stop.store(true);
  }
  test::note("the hog used {} us of {} us", used.ns / 1000, kWindow.ns / 1000);
  CHECK(stats.done == 6u);
  CHECK(stats.missed == 0u);
  CHECK(used <= kWindow / 10 + sched::port::kTick);
  CHECK(used >= kWindow / 10 - 10_ms);
}

// D15
RUNNEL_TEST(sched_dl, a_constrained_task_cannot_cheat_by_sleeping, .limit = 5_s,
            .time = test::GuestTime::kExact)
{
  constexpr Duration kRuntime = 2_ms;
  constexpr Duration kPeriod = 20_ms;
  const test::AdmissionOff may_be_bound;
  u32 instances = 0;
  u32 too_close = 0;
  Duration most;
  auto body = [&](u32) {
    Task& self = current_task();
    CHECK(test::set_deadline(self, kRuntime, 4_ms, kPeriod).has_value());
    Instant deadline;
    Duration at_begin;
    // It works a little, sleeps past its deadline and comes back long before its next period.
    for (u32 n = 0; n < 60; ++n) {
      const Instant now_due = dynamic(self).deadline;
      const Duration used = sched::task_runtime(self);
      if ((now_due - deadline).ns > 10'000) { // another instance; two readings of one differ by a little
        if (instances != 0 && now_due - deadline < kPeriod - 10_us) ++too_close;
        ++instances;
        deadline = now_due;
        at_begin = used;
      }
      test::work_for(500_us);
      if (const Duration in_this = sched::task_runtime(self) - at_begin; in_this > most) most = in_this;
      sleep_for(n % 3 == 0 ? 5_ms : 100_us);
    }
  };
  {
    test::Threads threads(1, body, [](u32) { return kCpu0; });
  }
  test::note("{} instances, most in one {} us", instances, most.ns / 1000);
  CHECK(instances >= 10u);
  CHECK(too_close == 0u);
  // What it begins within an instance it may end in the next one.
  CHECK(most <= kRuntime + 600_us);
}

// D16
RUNNEL_TEST(sched_dl, yield_ends_the_instance, .limit = 5_s, .time = test::GuestTime::kExact)
{
  constexpr Duration kRuntime = 4_ms;
  constexpr Duration kPeriod = 10_ms;
  const test::AdmissionOff may_be_bound;
  Duration latest;
  Duration least_runtime = kRuntime;
  u32 early = 0;
  auto body = [&](u32) {
    Task& self = current_task();
    CHECK(test::set_deadline(self, kRuntime, kPeriod, kPeriod).has_value());
    yield();
    for (u32 n = 0; n < 8; ++n) {
      test::work_for(1_ms);
      const Instant next = dynamic(self).deadline; // implicit: the next period begins there
      yield();
      const Duration late = time::now() - next;
      if (late.ns < 0) ++early;
      if (late > latest) latest = late;
      if (const Duration left{dynamic(self).runtime}; left < least_runtime) least_runtime = left;
    }
  };
  {
    test::Threads threads(1, body, [](u32) { return kCpu0; });
  }
  test::note("latest {} ns, least runtime {} ns", latest.ns, least_runtime.ns);
  CHECK(early == 0u);
  CHECK(latest <= 50_us);
  CHECK(least_runtime >= kRuntime - 50_us);
}

// D17: the note of an overrun; who sends the signal looks at the same count
RUNNEL_TEST(sched_dl, overruns_are_noted_once_a_depleted_period, .limit = 5_s,
            .time = test::GuestTime::kExact)
{
  const test::AdmissionOff may_be_bound;
  for (const u64 flags : {sched::kSchedFlagDlOverrun, u64{0}}) {
    Hog hog;
    u32 noted = 0;
    auto body = [&](u32) {
      CHECK(test::set_deadline(current_task(), 10_ms, 40_ms, 40_ms, flags).has_value());
      hog.run();
    };
    {
      test::Threads threads(1, body, [](u32) { return kCpu0; });
      sleep_for(40_ms * 5 + 20_ms); // five depleted periods, noted at the first tick of the next
      noted = threads[0].dl.nr_overruns;
      hog.stop.store(true);
    }
    test::note("flags {}: {}", flags, noted);
    if (flags != 0) {
      CHECK(noted >= 4u);
      CHECK(noted <= 6u);
    } else {
      CHECK(noted == 0u);
    }
  }
}

// D22, D23, D24
RUNNEL_TEST(sched_dl, dynamic_query_adds_up, .limit = 5_s, .time = test::GuestTime::kExact)
{
  constexpr Duration kRuntime = 5_ms;
  constexpr Duration kPeriod = 20_ms;
  const test::AdmissionOff may_be_bound;
  u32 sums_off = 0;
  Duration worst_spread;
  Duration worst_jump;
  u32 out_of_range = 0;
  u32 instances = 0;
  auto body = [&](u32) {
    Task& self = current_task();
    CHECK(test::set_deadline(self, kRuntime, kPeriod, kPeriod).has_value());
    yield(); // begins at a full instance
    Instant deadline = dynamic(self).deadline;
    // Readings are made one after the other: what was used at the moment of an answer lies between two.
    Duration begin_least = sched::task_runtime(self);
    Duration left_at_begin{dynamic(self).runtime};
    Duration begin_most = sched::task_runtime(self);
    while (instances < 6) {
      const Duration used_before = sched::task_runtime(self);
      const Instant before = time::now();
      const sched::DlDynamic now = dynamic(self);
      const Instant after = time::now();
      const Duration used = sched::task_runtime(self);
      const Duration moved = now.deadline - deadline;
      if (moved > 1_ms) {
        ++instances;
        const Duration off = moved - kPeriod;
        if (off > worst_jump) worst_jump = off;
        if (Duration{-off.ns} > worst_jump) worst_jump = Duration{-off.ns};
        deadline = now.deadline;
        begin_least = used_before;
        begin_most = used;
        left_at_begin = Duration{now.runtime};
      } else {
        const Duration spread = moved.ns < 0 ? Duration{-moved.ns} : moved;
        if (spread > worst_spread) worst_spread = spread;
        const Duration gone = left_at_begin - Duration{now.runtime};
        if (gone < used_before - begin_most || gone > used - begin_least) ++sums_off;
      }
      // It may have been throttled for a while before or after the answer was made.
      if ((now.deadline - before).ns <= 0 || now.deadline - after > kPeriod) ++out_of_range;
    }
  };
  {
    test::Threads threads(1, body, [](u32) { return kCpu0; });
  }
  test::note("spread {} ns, jump off by {} ns", worst_spread.ns, worst_jump.ns);
  CHECK(sums_off == 0u);
  CHECK(worst_spread <= 1_us);
  CHECK(worst_jump <= 5_us);
  CHECK(out_of_range == 0u);
}

// D25
RUNNEL_TEST(sched_dl, an_overrun_shows_as_a_negative_runtime, .limit = 5_s, .time = test::GuestTime::kExact)
{
  const test::AdmissionOff may_be_bound;
  Hog hog;
  auto body = [&](u32) {
    CHECK(test::set_deadline(current_task(), 1_ms, 50_ms, 50_ms).has_value());
    {
      const sync::PreemptGuard runs_on; // throttled in the middle, it cannot be made to stop
      time::delay(6_ms);
    }
    hog.run();
  };
  {
    test::Threads threads(1, body, [](u32) { return kCpu0; });
    sleep_for(10_ms);
    const Result<sched::SchedAttr> now = sched::sched_getattr(threads[0], sched::kSchedGetattrFlagDlDynamic);
    const Result<sched::SchedAttr> fixed = sched::sched_getattr(threads[0], 0);
    CHECK(now.has_value());
    CHECK(fixed.has_value());
    CHECK(now->runtime > u64{1} << 63);
    const i64 left = static_cast<i64>(now->runtime);
    test::note("runtime left {} ns", left);
    CHECK(left <= -4'000'000);
    CHECK(left >= -8'000'000);
    CHECK(fixed->runtime == 1'000'000u);
    CHECK(fixed->deadline == 50'000'000u);
    hog.stop.store(true);
  }
}

} // namespace
} // namespace runnel
