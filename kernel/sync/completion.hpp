// SPDX-License-Identifier: Apache-2.0
// "It has happened": a counter that waiters consume.
#pragma once

#include "kernel/sync/wait_queue.hpp"

#include <atomic>

namespace runnel::sync {

class Completion {
 public:
  constexpr Completion() = default;

  /// Lets one waiter through, now or later. Any context. A waiter may free the completion when wait()
  /// returns.
  void complete();
  /// Lets every waiter through, from now on.
  void complete_all();
  /// Blocks until a completion is there and consumes it. Acquire: what was stored before complete() is
  /// visible.
  void wait();
  /// False when none came within `limit`.
  [[nodiscard]] bool wait_for(Duration limit);
  bool try_wait();

 private:
  struct Waiter {
    sched::Task* task = &sched::current();
    bool done = false; // under lock_
    ListNode node;
  };
  bool take() REQUIRES(lock_);
  /// False when a completion was there to take instead.
  bool enqueue(Waiter& self);
  /// Sets the state to sleep in, unless the waiter's turn has come.
  bool still_waiting(const Waiter& self);

  static constexpr u32 kAll = ~u32{0};
  SpinLock lock_{LockRank::kCompletion};
  u32 count_ GUARDED_BY(lock_) = 0;
  List<Waiter, &Waiter::node> waiters_ GUARDED_BY(lock_);
};

} // namespace runnel::sync

namespace runnel {
using sync::Completion;
}
