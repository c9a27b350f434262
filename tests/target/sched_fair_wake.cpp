// SPDX-License-Identifier: Apache-2.0
// The fair class: how soon a woken task runs, and whom it may interrupt (spec 3.9, 3.10).
#include "kernel/time/clock.hpp"
#include "tests/target/sched_fair.hpp"

#include <algorithm>

namespace runnel {
namespace {

using sched::Policy;
using test::FairParams;

/// A thread on the busy CPU that runs `demand` every `period` and notes how long it waited after each
/// wake-up.
class Sleeper {
 public:
  static constexpr u32 kMost = 64;

  Sleeper(const FairParams& params, Duration demand, Duration period, u32 jobs)
      : demand_(demand), period_(period), jobs_(jobs),
        threads_(1, body_, [cpu = test::busy_cpu()](u32) { return CpuMask::of(cpu); }) {
    sleep_for(1_ms); // it waits at the gate
    test::set_fair(threads_[0], params);
    gate_.complete();
  }
  void join() { threads_.join(); }
  Duration median() {
    std::sort(waits_, waits_ + jobs_);
    return waits_[jobs_ / 2];
  }
  Duration worst() const { return *std::max_element(waits_, waits_ + jobs_); }
  u32 late_jobs() const { return late_jobs_; }

 private:
  struct Body {
    Sleeper& self;
    void operator()(u32) const { self.run(); }
  };
  void run() {
    gate_.wait();
    Instant next = time::now();
    for (u32 i = 0; i < jobs_; ++i) {
      next = next + period_;
      sleep_until(next);
      waits_[i] = time::now() - current_task().stats.last_wakeup;
      const Duration until = sched::task_runtime(current_task()) + demand_;
      while (sched::task_runtime(current_task()) < until) test::burn();
      if (time::now().is_after(next + period_)) ++late_jobs_;
    }
  }

  Duration demand_;
  Duration period_;
  u32 jobs_;
  Duration waits_[kMost] = {};
  u32 late_jobs_ = 0;
  Completion gate_;
  Body body_{*this};
  test::Threads<Body> threads_;
};

// The bound on each wait is for a request shorter than the others': its deadline is then the earliest
// but for what is left of theirs. On one CPU the test's own thread would be a competitor more.
// F22
RUNNEL_TEST(fair, sleeper_gets_its_tenth, .cpus = 2, .limit = 5_s, .time = test::GuestTime::kExact)
{
  const FairParams params[3] = {};
  test::Hogs hogs(params);
  Sleeper sleeper({.slice = 500_us}, 2_ms, 19_ms, 12);
  sleeper.join();
  test::note("waits: median {} us, worst {} us", sleeper.median().ns / 1000, sleeper.worst().ns / 1000);
  CHECK(sleeper.late_jobs() == 0u);
  CHECK(sleeper.worst() <= test::fair_bound(hogs.longest_slice()));
}

// F22 among equals: its demand all the same, but each of the others may have the earlier deadline once.
RUNNEL_TEST(fair, sleeper_among_equals_gets_its_tenth, .limit = 5_s, .time = test::GuestTime::kExact)
{
  const FairParams params[3] = {};
  test::Hogs hogs(params);
  Sleeper sleeper({}, 2_ms, 19_ms, 12);
  sleeper.join();
  test::note("waits: median {} us, worst {} us", sleeper.median().ns / 1000, sleeper.worst().ns / 1000);
  CHECK(sleeper.late_jobs() == 0u);
  CHECK(sleeper.worst() <= test::fair_bound(hogs.longest_slice()) * 3);
}

// F23
RUNNEL_TEST(fair, short_slice_runs_soon, .limit = 5_s, .time = test::GuestTime::kExact)
{
  const FairParams params[4] = {{.slice = 3_ms}, {.slice = 3_ms}, {.slice = 3_ms}, {.slice = 3_ms}};
  test::Hogs hogs(params);
  Sleeper sleeper({.slice = 100_us}, 50_us, 7_ms, 40);
  sleeper.join();
  test::note("waits: median {} us, worst {} us", sleeper.median().ns / 1000, sleeper.worst().ns / 1000);
  CHECK(sleeper.median() <= sched::port::kTick);
  CHECK(sleeper.worst() <= test::fair_bound(hogs.longest_slice()));
}

// F25. What parity means: a task may be interrupted by an equal once it is past its share (spec 3.5 asks for
// eligibility before protection), so the two players interrupt each other at will. The hog has a slice's
// protection each time it is picked, and nobody wakes up while it runs.
RUNNEL_TEST(fair, wakes_among_equals_leave_the_slice, .cpus = 2, .limit = 5_s,
            .time = test::GuestTime::kExact)
{
  const CpuId cpu = test::busy_cpu();
  const FairParams params[1] = {};
  test::Hogs hog(params);
  Completion ball[2];
  std::atomic<bool> stop{false};
  auto player = [&](u32 i) {
    while (!stop.load(std::memory_order_relaxed)) {
      ball[i].wait();
      ball[1 - i].complete();
    }
    ball[1 - i].complete();
  };
  test::Threads players(2, player, [cpu](u32) { return CpuMask::of(cpu); });
  ball[0].complete();
  sleep_for(5_ms);
  const u64 asked_before = players[0].stats.nvcsw + players[1].stats.nvcsw;
  const u64 forced_before = hog[0].stats.nivcsw;
  const Duration window = 200_ms;
  sleep_for(window);
  const u64 asked = players[0].stats.nvcsw + players[1].stats.nvcsw - asked_before;
  const u64 forced = hog[0].stats.nivcsw - forced_before;
  stop.store(true);
  ball[0].complete();
  ball[1].complete();
  test::note("{} switches asked for by the players, {} forced on the hog", asked, forced);
  CHECK(asked > 1000u);
  CHECK(forced > 5u);
  CHECK(forced <= static_cast<u64>(window.ns / hog.longest_slice().ns) + 1);
}

/// Wakes a thread with `params` beside a hog in the middle of its slice: did it interrupt the hog?
bool wake_preempts(const FairParams& params) {
  const CpuId cpu = test::busy_cpu();
  const FairParams long_slice[1] = {{.slice = 100_ms}};
  Completion go;
  std::atomic<bool> ran{false};
  auto body = [&](u32) {
    go.wait();
    ran.store(true);
  };
  test::Threads woken(1, body, [cpu](u32) { return CpuMask::of(cpu); });
  test::set_fair(woken[0], params);
  sleep_for(1_ms); // it waits
  test::Hogs hog(long_slice, cpu);
  sleep_for(5_ms);
  const u64 before = hog[0].stats.nivcsw;
  go.complete();
  sleep_for(20_ms);
  const u64 interrupted = hog[0].stats.nivcsw - before;
  CHECK((interrupted != 0) == ran.load());
  return interrupted != 0;
}

// F26: the same wake-up by a NORMAL task shows that there is something to hold back.
RUNNEL_TEST(fair, batch_and_idle_never_preempt_normal, .cpus = 2, .limit = 5_s,
            .time = test::GuestTime::kExact)
{
  CHECK(!wake_preempts({.policy = Policy::kBatch, .slice = 100_us}));
  CHECK(!wake_preempts({.policy = Policy::kIdle, .slice = 100_us}));
  CHECK(wake_preempts({.policy = Policy::kNormal, .slice = 100_us}));
}

// F27
RUNNEL_TEST(fair, yield_alternates_equals, .limit = 5_s, .time = test::GuestTime::kExact)
{
  constexpr u32 kTurns = 200;
  const CpuId cpu = test::busy_cpu();
  u32 turns[2] = {};
  u32 apart = 0;
  std::atomic<bool> stop{false};
  Completion go;
  std::atomic<u32> awake{0};
  auto body = [&](u32 i) {
    go.wait();
    awake.fetch_add(1);
    while (awake.load() != 2) yield();              // the second one is woken later than the first
    while (!stop.load(std::memory_order_relaxed)) { // one CPU: the plain counters need no order
      if (++turns[i] == kTurns) stop.store(true);
      const u32 difference = turns[0] > turns[1] ? turns[0] - turns[1] : turns[1] - turns[0];
      apart = std::max(apart, difference);
      test::burn();
      yield();
    }
  };
  test::Threads threads(2, body, [cpu](u32) { return CpuMask::of(cpu); });
  sleep_for(1_ms); // both wait
  const Instant start = time::now();
  go.complete_all();
  threads.join();
  const i64 slices = (time::now() - start).ns / static_cast<i64>(sched::fair_slice(current_task()));
  test::note("{} and {} turns in {} slices, {} apart", turns[0], turns[1], slices, apart);
  CHECK(turns[0] + turns[1] >= kTurns + kTurns / 2);
  CHECK(apart <= static_cast<u32>(slices) + 2); // the slice that was begun, and the turn that was
}

} // namespace
} // namespace runnel
