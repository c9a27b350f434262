// SPDX-License-Identifier: Apache-2.0
// Sleeping lock with priority inheritance (spec 4.1): its owner runs with the priority of its most urgent
// waiter, or with that waiter's deadline parameters, and so does whoever the owner itself waits for.
#pragma once

#include "kernel/lib/errno.hpp"

#include <sched/task.hpp>

namespace runnel::sched {

class Mutex;

/// A task that waits, on its own stack.
struct MutexWaiter {
  MutexWaiter(Task& who, Mutex& what) : task(who), mutex(what) {}
  Task& task;
  Mutex& mutex;
  RbNode node;                 // Mutex::waiters_
  PiKey key;                   // wait_lock
  std::atomic<u32> granted{0}; // the mutex is the task's and all that was lent on its account is given back
};

inline bool is_more_urgent_waiter(const MutexWaiter& a, const MutexWaiter& b) {
  return is_more_urgent(a.key, b.key);
}

/// Longest chain of owners that wait for owners.
inline constexpr u32 kMaxLockDepth = 1024;

class Mutex {
 public:
  constexpr Mutex() = default;
  Mutex(const Mutex&) = delete;
  Mutex& operator=(const Mutex&) = delete;

  /// Blocks while another task owns it; the most urgent waiter gets it first, equals in the order of arrival.
  /// kDEADLK: the owner waits, perhaps through others, for the caller, or kMaxLockDepth is exceeded; nothing
  /// has changed then. Thread context, no spinlock held.
  Result<> lock();
  bool try_lock();
  /// By the owner. The most urgent waiter becomes the owner before anyone else can try. What was lent on
  /// account of this mutex is given back first.
  void unlock();
  Task* owner() const { return owner_.load(std::memory_order_relaxed); }

 private:
  friend struct PiChain;
  friend struct ProxyLook;
  enum class Enqueued { kTaken, kWaits };
  Enqueued take_or_queue(MutexWaiter& self, Task** owner);
  bool give_up(MutexWaiter& self);
  void note_wait(MutexWaiter& self);
  Task* pass_on(MutexWaiter** next);
  void update_donation() REQUIRES(wait_lock_);
  void withdraw_donation(Task& from) REQUIRES(wait_lock_);

  port::Lock wait_lock_{port::LockRank::kMutexWait}; // interrupts off; inside rq locks (L1)
  RbTree<MutexWaiter, &MutexWaiter::node, is_more_urgent_waiter> waiters_ GUARDED_BY(wait_lock_);
  PiDonation donation_ GUARDED_BY(wait_lock_); // linked under the owner's blocked_lock as well
  std::atomic<Task*> owner_{nullptr};          // written under wait_lock_
};

} // namespace runnel::sched
