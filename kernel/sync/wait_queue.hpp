// SPDX-License-Identifier: Apache-2.0
// Where threads wait for a condition that others make true.
#pragma once

#include "kernel/lib/list.hpp"
#include "kernel/sync/interruptible.hpp"
#include "kernel/sync/spinlock.hpp"

namespace runnel::sync {

/// First come, first woken.
class WaitQueue {
 public:
  constexpr WaitQueue() = default;

  /// Wakes the first `n` waiters / all. What the caller stored before is visible to a waiter's condition
  /// (B1). Any context.
  void wake(u32 n);
  void wake_one() { wake(1); }
  void wake_all() { wake(~u32{0}); }

  /// Blocks until `condition()`; it is evaluated in this thread, without locks.
  template <typename Condition> void wait(Condition condition) {
    Waiter self;
    for (;;) {
      prepare(self, sched::kUninterruptible);
      if (condition()) break;
      sched::schedule();
    }
    finish(self);
  }

  /// As wait, at most until `until`; false when the condition was still false then.
  template <typename Condition> [[nodiscard]] bool wait_until(Condition condition, Instant until) {
    Waiter self;
    bool met = false;
    for (bool late = false; !met && !late;) {
      prepare(self, sched::kUninterruptible);
      met = condition();
      if (!met) late = time::schedule_until(until) == time::SleepResult::kTimedOut;
    }
    finish(self);
    return met || condition();
  }

  /// As wait, but a pending signal ends it.
  template <typename Condition> [[nodiscard]] WaitResult wait_interruptible(Condition condition) {
    return wait_interruptible_until(condition, kNever);
  }

  /// As wait_interruptible, at most until `until`; kNever: no limit. A condition that is true counts
  /// before time and signals.
  template <typename Condition>
  [[nodiscard]] WaitResult wait_interruptible_until(Condition condition, Instant until) {
    Waiter self;
    const WaitResult result =
        sync::wait_interruptible([&] { prepare(self, sched::kInterruptible); }, condition, until);
    finish(self);
    return result;
  }

 private:
  struct Waiter {
    sched::Task* task = &sched::current();
    ListNode node;
  };

  /// Queues (if it was taken off by a wake-up) and sets the state, in this order before the condition is
  /// read: B1.
  void prepare(Waiter& waiter, u32 state);
  /// Leaves the queue. A wake-up that took this waiter off after its condition had become true was meant for
  /// another one: it is passed on, else that one would sleep with its condition true.
  void finish(Waiter& waiter);

  SpinLock lock_{LockRank::kWaitQueue};
  List<Waiter, &Waiter::node> waiters_ GUARDED_BY(lock_);
};

} // namespace runnel::sync

namespace runnel {
using sync::WaitQueue;
} // namespace runnel
