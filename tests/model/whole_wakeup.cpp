// SPDX-License-Identifier: Apache-2.0
// One sleep and one wake-up from end to end, as sched/core/schedule.cpp and wakeup.cpp do them: whatever the
// order, the task ends up runnable, queued and off the CPU it left.
#include "tests/model/contract.hpp"

#include <catch2/catch.hpp>

using namespace runnel::model;

namespace {

constexpr int kRunning = 0, kInterruptible = 1, kWaking = 0x200, kOffQueue = 0, kQueued = 1;

struct Words {
  Location state, on_rq, on_cpu, condition, stack, pi_lock, rq_lock;
};

/// On its CPU: set_current_state(); if (!condition) schedule();
void sleeper(Thread& t, const Words& w) {
  t.store(w.state, kInterruptible);
  t.fence(Fence::kFull, "B1: full barrier in set_current_state");
  if (!t.branch(t.load(w.condition) == 0)) {
    t.store(w.state, kRunning);
    return;
  }
  t.lock(w.rq_lock);
  t.fence(Fence::kFull, "B2, B3, B7: full barrier in schedule()");
  const bool blocks = t.branch(t.load(w.state) != kRunning);
  if (blocks) {
    t.store(w.on_rq, kOffQueue, Order::kRelease);
    t.store(w.stack, 1);
    t.store(w.on_cpu, 0, Order::kRelease, "B4: release of on_cpu");
  }
  t.unlock(w.rq_lock);
}

/// condition = true; try_to_wake_up()
void waker(Thread& t, const Words& w) {
  t.store(w.condition, 1);
  t.lock(w.pi_lock);
  t.fence(Fence::kFull, "B1: full barrier in try_to_wake_up");
  if (t.branch((t.load(w.state) & kInterruptible) == 0)) return;
  t.fence(Fence::kRead, "B2: read barrier");
  if (t.branch(t.load(w.on_rq) != kOffQueue)) { // ttwu_runnable()
    t.lock(w.rq_lock);
    const bool queued = t.branch(t.load(w.on_rq) == kQueued);
    if (queued) t.store(w.state, kRunning);
    t.unlock(w.rq_lock);
    if (queued) return;
  }
  t.fence(Fence::kRead, "B3: read barrier");
  t.store(w.state, kWaking);
  t.await(w.on_cpu, [](const Expr& v) { return v == 0; }, Order::kAcquire, "B4: acquire of on_cpu");
  t.observe("stack seen", t.load(w.stack));
  t.lock(w.rq_lock);
  t.store(w.on_rq, kQueued);
  t.store(w.state, kRunning);
  t.unlock(w.rq_lock);
}

} // namespace

TEST_CASE("B1 to B4: a wake-up as a whole", "[C02][B1][B2][B3][B4]") {
  const std::string other = "only an earlier sleep or switch makes it necessary: see its own test";
  check({
      .build =
          [](Program& p) {
            const Words w{p.word("state"), p.word("on_rq", kQueued), p.word("on_cpu", 1), p.word("condition"),
                          p.word("stack"), p.word("pi_lock"),        p.word("rq_lock")};
            p.thread([w](Thread& t) { sleeper(t, w); });
            p.thread([w](Thread& t) { waker(t, w); });
          },
      .works = [](const Outcome& o) { return o["stack seen"] == 1; },
      .bad =
          [](const Outcome& o) {
            return o["state"] != kRunning || o["on_rq"] != kQueued || o["stack seen"] == 0;
          },
      .covered = {{"B2, B3, B7: full barrier in schedule()", "", other},
                  {"B2: read barrier", "", other},
                  {"B3: read barrier", "", other}},
      .x86_needs = {"B1: full barrier in set_current_state"},
  });
}
