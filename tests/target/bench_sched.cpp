// SPDX-License-Identifier: Apache-2.0

// What the scheduler's operations cost, in guest nanoseconds: one is one instruction in deterministic mode.
#include "kernel/log/log.hpp"
#include "kernel/mm/page_alloc.hpp"
#include "kernel/sync/guards.hpp"
#include "kernel/time/clock.hpp"
#include "kernel/time/sleep.hpp"
#include "sched/deadline/cbs.hpp"
#include "sched/fair/eevdf.hpp"
#include "tests/target/threads.hpp"

#include <arch/layout.hpp>
#include <memory>
#include <sched/attr.hpp>
#include <sched/sched.hpp>

namespace runnel {
namespace {

void report(const char* name, u64 total, u64 count) {
  raw_print("# bench {} {} instructions", name, total / count);
}

u64 now_ns() { return time::now().ns; }

/// A thread that sleeps until it is woken, `rounds` times; pinned.
struct Sleeper {
  std::atomic<u32> asleep{0};
  std::atomic<u32> woken{0};
  u64 ran_at = 0;

  void body(u32 rounds) {
    for (u32 n = 0; n < rounds; ++n) {
      sched::set_current_state(sched::kUninterruptible);
      asleep.store(n + 1);
      while (woken.load() != n + 1) {
        sched::schedule();
        if (woken.load() == n + 1) break;
        sched::set_current_state(sched::kUninterruptible);
      }
      current_task().state.store(sched::kRunning);
      ran_at = now_ns();
    }
  }
};

struct WakeCost {
  u64 call = 0;    // what the waker spends
  u64 latency = 0; // from the call until the woken thread runs
};

void measure_wakeups(CpuId target, WakeCost& cost) {
  constexpr u32 kRounds = 200;
  REQUIRE(set_affinity(current_task(), CpuMask::of(CpuId{0})).has_value());
  Sleeper sleeper;
  auto body = [&](u32) { sleeper.body(kRounds); };
  test::Threads threads(1, body, [target](u32) { return CpuMask::of(target); });
  for (u32 n = 0; n < kRounds; ++n) {
    while (sleeper.asleep.load() != n + 1 || threads[0].is_on_cpu()) sleep_for(50_us);
    sleep_for(100_us); // an idle target is halted by then
    sleeper.woken.store(n + 1);
    const u64 start = now_ns();
    u64 end;
    {
      const PreemptGuard waker_goes_on;
      sched::wake_up_process(threads[0]);
      end = now_ns();
    }
    while (sleeper.ran_at < start) yield();
    cost.call += end - start;
    cost.latency += sleeper.ran_at - start;
  }
  cost.call /= kRounds;
  cost.latency /= kRounds;
}

RUNNEL_TEST(bench, wakeup, .cpus = 2, .limit = 10_s, .select = test::Select::kOnlyByName)
{
  WakeCost local, remote;
  measure_wakeups({0}, local);
  measure_wakeups({1}, remote);
  report("wakeup_local", local.call, 1);
  report("wakeup_remote_idle_cpu", remote.call, 1);
  report("wakeup_remote_until_it_runs", remote.latency, 1);
}

/// `n` entities with different weights and places in one queue, in memory of their own.
class FullQueue {
 public:
  explicit FullQueue(u32 n) {
    while (n > 0) {
      const Result<PhysAddr> pages = alloc_pages(kOrder);
      REQUIRE(pages.has_value());
      pages_[nr_pages_++] = *pages;
      auto* items = static_cast<sched::FairEntity*>(arch::phys_to_virt(*pages));
      for (u32 i = 0; i < kPerBlock && n > 0; ++i, --n) {
        sched::FairEntity& se = *std::construct_at(items + i);
        se.weight = sched::kNice0Load * (1 + n % 7);
        sched::eevdf::join(queue_, se, sched::eevdf::Join::kNew, rules_);
      }
    }
  }
  ~FullQueue() {
    for (u32 i = 0; i < nr_pages_; ++i) free_pages(pages_[i], kOrder);
  }
  FullQueue(const FullQueue&) = delete;
  FullQueue& operator=(const FullQueue&) = delete;

  /// One slice: pick, run, charge, put back.
  void turn() {
    const sched::eevdf::Choice choice =
        sched::eevdf::pick(queue_, sched::eevdf::Protection::kApplies, rules_);
    sched::eevdf::set_current(queue_, *choice.entity, sched::eevdf::Stint::kFresh, rules_);
    sched::eevdf::charge(queue_, 3'000'000, rules_);
    sched::eevdf::put_current(queue_);
  }

 private:
  static constexpr u32 kOrder = 8;
  static constexpr u32 kPerBlock = (kPageSize << kOrder) / sizeof(sched::FairEntity);
  sched::eevdf::Rules rules_{.switches = sched::features};
  sched::EevdfQueue queue_;
  PhysAddr pages_[32] = {};
  u32 nr_pages_ = 0;
};

void measure_pick(const char* name, u32 runnable) {
  constexpr u32 kTurns = 500;
  FullQueue queue(runnable);
  for (u32 n = 0; n < kTurns; ++n) queue.turn();
  const IrqGuard irqs_off;
  const u64 start = now_ns();
  for (u32 n = 0; n < kTurns; ++n) queue.turn();
  report(name, now_ns() - start, kTurns);
}

RUNNEL_TEST(bench, pick_grows_as_log, .limit = 20_s, .select = test::Select::kOnlyByName)
{
  measure_pick("fair_pick_charge_put_10_runnable", 10);
  measure_pick("fair_pick_charge_put_1000_runnable", 1000);
  measure_pick("fair_pick_charge_put_100000_runnable", 100'000);
}

RUNNEL_TEST(bench, tick_with_nothing_to_do, .limit = 10_s, .select = test::Select::kOnlyByName)
{
  constexpr u32 kRounds = 1000;
  REQUIRE(set_affinity(current_task(), CpuMask::of(CpuId{0})).has_value());
  const IrqGuard irqs_off;
  const u64 start = now_ns();
  for (u32 n = 0; n < kRounds; ++n) sched::scheduler_tick();
  report("tick_one_task", now_ns() - start, kRounds);
}

RUNNEL_TEST(bench, setattr, .limit = 10_s, .select = test::Select::kOnlyByName)
{
  constexpr u32 kRounds = 500;
  REQUIRE(set_affinity(current_task(), CpuMask::of(CpuId{0})).has_value());
  sched::SchedAttr attr;
  u32 done = 0; // a check in the loop would cost more than the call
  u64 start = now_ns();
  for (u32 n = 0; n < kRounds; ++n) {
    attr.nice = n % 2 == 0 ? 1 : 0;
    done += sched::sched_setattr(current_task(), attr).has_value();
  }
  report("setattr_nice_of_self", now_ns() - start, kRounds);
  start = now_ns();
  for (u32 n = 0; n < kRounds; ++n) {
    attr.nice = 0;
    attr.policy = static_cast<u32>(n % 2 == 0 ? sched::Policy::kFifo : sched::Policy::kNormal);
    attr.priority = n % 2 == 0 ? 50 : 0;
    done += sched::sched_setattr(current_task(), attr).has_value();
  }
  report("setattr_class_of_self", now_ns() - start, kRounds);
  start = now_ns();
  for (u32 n = 0; n < kRounds; ++n) done += sched::sched_getattr(current_task(), 0).has_value();
  report("getattr_of_self", now_ns() - start, kRounds);
  CHECK(done == 3 * kRounds);
}

} // namespace
} // namespace runnel
