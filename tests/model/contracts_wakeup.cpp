// SPDX-License-Identifier: Apache-2.0
// B1 to B7: waking, sleeping, moving (spec 1.4, 1.5, 1.7). Side A and B as in docs/ordering.md. `t` is the
// thread spoken of in each body; locks are an acquiring read-modify-write and a store-release, so none is a
// full barrier.
#include "tests/model/contract.hpp"

#include <catch2/catch.hpp>

using namespace runnel::model;

namespace {

constexpr int kRunning = 0, kInterruptible = 1, kOffQueue = 0, kQueued = 1, kMigrating = 2;

} // namespace

TEST_CASE("B1: who looks at the condition after its state is not missed by who sets it", "[C02][B1]") {
  check({
      .build =
          [](Program& p) {
            const Location state = p.word("state"), condition = p.word("condition"),
                           on_rq = p.word("on_rq", kQueued);
            const Location pi_lock = p.word("pi_lock"), rq_lock = p.word("rq_lock");
            p.thread([=](Thread& t) { // wait_queue.cpp: set_current_state(); if (!condition) schedule();
              t.store(state, kInterruptible);
              t.fence(Fence::kFull, "A: full barrier between state and condition");
              if (!t.branch(t.load(condition) == 0)) return;
              t.lock(rq_lock);
              t.fence(Fence::kFull); // B7, not the subject here
              if (t.branch(t.load(state) != kRunning)) {
                t.store(on_rq, kOffQueue);
                t.observe("slept", 1);
              }
              t.unlock(rq_lock);
            });
            p.thread([=](Thread& t) { // the waker: condition = true; try_to_wake_up()
              t.store(condition, 1);
              t.lock(pi_lock);
              t.fence(Fence::kFull, "B: full barrier after pi_lock");
              const bool sleeps = t.branch((t.load(state) & kInterruptible) != 0);
              if (sleeps) t.store(state, kRunning);
              t.observe("woke", sleeps ? 1 : 0);
              t.unlock(pi_lock);
            });
          },
      .works = [](const Outcome& o) { return o["slept"] == 1 && o["woke"] == 1; },
      .bad = [](const Outcome& o) { return o["slept"] == 1 && o["woke"] == 0; },
      .x86_needs = {"A: full barrier between state and condition"},
  });
}

TEST_CASE("B2: who sees a task's new state does not see its queue word of an older sleep", "[C02][B2]") {
  check({
      .build =
          [](Program& p) {
            const Location state = p.word("state"), on_rq = p.word("on_rq", kOffQueue);
            const Location queue = p.word("queue"), rq_lock = p.word("rq_lock");
            p.thread([=](Thread& t) { // an earlier wake-up: activate_task()
              t.lock(rq_lock);
              t.store(queue, 1);
              t.store(on_rq, kQueued);
              t.unlock(rq_lock, "A: release of the rq lock by who queued it");
            });
            p.thread([=](Thread& t) { // schedule() picks the task; it runs and is about to sleep again
              t.lock(rq_lock, "A: acquire of the rq lock in schedule()");
              t.fence(Fence::kFull, "A: full barrier after the rq lock in schedule()");
              t.require(t.load(queue) == 1);
              t.unlock(rq_lock);
              t.store(state, kInterruptible);
            });
            p.thread([=](Thread& t) { // try_to_wake_up()
              t.require(t.load(state) == kInterruptible);
              t.fence(Fence::kRead, "B: read barrier between state and on_rq");
              t.observe("on_rq seen", t.load(on_rq));
            });
          },
      .works = [](const Outcome& o) { return o["on_rq seen"] == kQueued; },
      .bad = [](const Outcome& o) { return o["on_rq seen"] == kOffQueue; },
      .covered =
          {{"A: full barrier after the rq lock in schedule()", "",
            "the store waits for the lock's wait loop (control dependency), and what one CPU has seen, on a "
            "multicopy-atomic machine all see"},
           {"A: acquire of the rq lock in schedule()", "", "the same"}},
  });
}

TEST_CASE("B3: who sees a task off its queue sees that it was on a CPU", "[C02][B3]") {
  check({
      .build =
          [](Program& p) {
            const Location on_cpu = p.word("on_cpu"), on_rq = p.word("on_rq", kQueued),
                           rq_lock = p.word("rq_lock");
            p.thread([=](Thread& t) { // schedule(): switch to the task; later it blocks, and is not yet off
                                      // its CPU
              t.lock(rq_lock);
              t.store(on_cpu, 1);
              t.unlock(rq_lock, "A: release of the rq lock after the switch in");
              t.lock(rq_lock, "A: acquire of the rq lock in schedule()");
              t.fence(Fence::kFull, "A: full barrier after the rq lock in schedule()");
              t.store(on_rq, kOffQueue);
            });
            p.thread([=](Thread& t) { // try_to_wake_up()
              t.require(t.load(on_rq) == kOffQueue);
              t.fence(Fence::kRead, "B: read barrier between on_rq and on_cpu");
              t.observe("on_cpu seen", t.load(on_cpu));
            });
          },
      .works = [](const Outcome& o) { return o["on_cpu seen"] == 1; },
      .bad = [](const Outcome& o) { return o["on_cpu seen"] == 0; },
      .covered = {{"A: full barrier after the rq lock in schedule()",
                   "A: release of the rq lock after the switch in",
                   "the switch in ends with a release of the same lock this acquires: [L];po;[A]"},
                  {"A: release of the rq lock after the switch in",
                   "A: full barrier after the rq lock in schedule()",
                   "the full barrier orders what came before the lock as well"},
                  {"A: acquire of the rq lock in schedule()",
                   "A: full barrier after the rq lock in schedule()",
                   "the full barrier behind it does the same"}},
  });
}

TEST_CASE("B4: who takes a task that left its CPU finds it left", "[C02][B4]") {
  check({
      .build =
          [](Program& p) {
            const Location state = p.word("state", kInterruptible), on_cpu = p.word("on_cpu", 1);
            const Location stack = p.word("stack");
            p.thread([=](Thread& t) { // context_switch(), finish_task_switch() on the old CPU
              t.store(stack, 1);
              t.observe("prev_state", t.load(state));
              t.store(on_cpu, 0, Order::kRelease, "A: release of on_cpu");
            });
            p.thread([=](Thread& t) { // try_to_wake_up(), then the new CPU runs it
              t.await(on_cpu, [](const Expr& v) { return v == 0; }, Order::kAcquire, "B: acquire of on_cpu");
              t.store(state, kRunning);
              t.observe("stack seen", t.load(stack));
            });
          },
      .works = [](const Outcome& o) { return o["stack seen"] == 1 && o["prev_state"] == kInterruptible; },
      .bad = [](const Outcome& o) { return o["stack seen"] == 0 || o["prev_state"] == kRunning; },
  });
}

TEST_CASE("B5: who sees a task on a CPU knows on which", "[C02][B5]") {
  check({
      .build =
          [](Program& p) {
            const Location cpu = p.word("cpu"), on_cpu = p.word("on_cpu"), queue = p.word("queue");
            const Location rq_lock = p.word("rq_lock");
            p.thread([=](Thread& t) { // move_queued_task() to CPU 1
              t.lock(rq_lock);
              t.store(cpu, 1);
              t.store(queue, 1);
              t.unlock(rq_lock, "A: release of the rq lock by who moved it");
            });
            p.thread([=](Thread& t) { // CPU 1: schedule() switches to it
              t.lock(rq_lock, "A: acquire of the rq lock in schedule()");
              t.fence(Fence::kFull, "A: full barrier after the rq lock in schedule()");
              t.require(t.load(queue) == 1);
              t.store(on_cpu, 1);
              t.unlock(rq_lock);
            });
            p.thread([=](Thread& t) { // try_to_wake_up()
              t.require(t.load(on_cpu, Order::kAcquire, "B: acquire of on_cpu") == 1);
              t.observe("cpu seen", t.load(cpu));
            });
          },
      .works = [](const Outcome& o) { return o["cpu seen"] == 1; },
      .bad = [](const Outcome& o) { return o["cpu seen"] == 0; },
      .covered =
          {{"A: full barrier after the rq lock in schedule()", "",
            "the store waits for the lock's wait loop (control dependency), and what one CPU has seen, on a "
            "multicopy-atomic machine all see"},
           {"A: acquire of the rq lock in schedule()", "", "the same"}},
  });
}

TEST_CASE("B5: once on_rq is seen 0, cpu may be read before on_cpu", "[C02][B5]") {
  check({
      .build =
          [](Program& p) {
            const Location cpu = p.word("cpu"), on_cpu = p.word("on_cpu"), queue = p.word("queue");
            const Location on_rq = p.word("on_rq", kQueued), rq_lock = p.word("rq_lock");
            p.thread([=](Thread& t) { // move_queued_task() to CPU 1
              t.lock(rq_lock);
              t.store(cpu, 1);
              t.store(queue, 1);
              t.unlock(rq_lock);
            });
            p.thread([=](Thread& t) { // CPU 1: switches to it; it blocks
              t.lock(rq_lock);
              t.require(t.load(queue) == 1);
              t.store(on_cpu, 1);
              t.unlock(rq_lock);
              t.lock(rq_lock);
              t.store(on_rq, kOffQueue);
              t.unlock(rq_lock);
            });
            p.thread([=](Thread& t) { // try_to_wake_up() in the order of sched/core/wakeup.cpp
              t.require(t.load(on_rq) == kOffQueue);
              t.fence(Fence::kRead, "B: read barrier between on_rq and cpu, on_cpu (B3)");
              t.observe("cpu seen", t.load(cpu));
              t.observe("on_cpu seen", t.load(on_cpu, Order::kAcquire));
            });
          },
      .works = [](const Outcome& o) { return o["cpu seen"] == 1 && o["on_cpu seen"] == 1; },
      .bad = [](const Outcome& o) { return o["cpu seen"] == 0 && o["on_cpu seen"] == 1; },
  });
}

TEST_CASE("B6: who locks the runqueue of a task that is being moved does not find it before it arrived",
          "[C02][B6]") {
  constexpr int kNowhere = 9;
  check({
      .build =
          [](Program& p) {
            const Location cpu = p.word("cpu"), on_rq = p.word("on_rq", kQueued), queue = p.word("queue");
            const Location locks = p.word("rq_locks", 0, 2);
            p.thread([=](Thread& t) { // off queue 0, over to queue 1, one lock after the other
              t.lock(locks);
              t.store(on_rq, kMigrating);
              t.store(queue, kNowhere);
              t.store(cpu, 1, Order::kRelease, "A: on_rq is kMigrating before cpu changes");
              t.unlock(locks);
              t.lock(locks.at(1));
              t.store(queue, 1);
              t.store(on_rq, kQueued);
              t.unlock(locks.at(1));
            });
            p.thread([=](Thread& t) { // TaskRqLock
              const Expr seen = t.load(cpu, Order::kAcquire, "B: acquire of cpu");
              t.lock(locks.at(seen), "B: acquire of that lock");
              t.require(t.load(cpu) == seen);
              t.require(t.load(on_rq) == kQueued);
              t.observe("locked", seen);
              t.observe("queue seen", t.load(queue));
              t.unlock(locks.at(seen));
            });
          },
      .works = [](const Outcome& o) { return o["locked"] == 1 && o["queue seen"] == 1; },
      .bad = [](const Outcome& o) { return o["locked"] != o["queue seen"]; },
      .covered = {{"B: acquire of cpu", "",
                   "the lock's address depends on cpu, and its acquire orders the rest"}},
  });
}

TEST_CASE("B7: nobody sleeps with a signal pending", "[C02][B7]") {
  check({
      .build =
          [](Program& p) {
            const Location state = p.word("state"), signal = p.word("signal"), rq_lock = p.word("rq_lock");
            const Location pi_lock = p.word("pi_lock");
            p.thread([=](Thread& t) { // plain state store, schedule()
              t.store(state, kInterruptible);
              t.lock(rq_lock);
              t.fence(Fence::kFull, "A: full barrier after the rq lock in schedule()");
              const bool blocks = t.branch(t.load(state) != kRunning);
              if (blocks && t.branch(t.load(signal) == 0)) t.observe("slept", 1);
              t.unlock(rq_lock);
            });
            p.thread([=](Thread& t) { // the sender: flag, then wake-up of interruptible sleepers
              t.store(signal, 1);
              t.lock(pi_lock);
              t.fence(Fence::kFull, "B: full barrier after pi_lock");
              const bool sleeps = t.branch((t.load(state) & kInterruptible) != 0);
              if (sleeps) t.store(state, kRunning);
              t.observe("woke", sleeps ? 1 : 0);
              t.unlock(pi_lock);
            });
          },
      .works = [](const Outcome& o) { return o["slept"] == 1 && o["woke"] == 1; },
      .bad = [](const Outcome& o) { return o["slept"] == 1 && o["woke"] == 0; },
  });
}
