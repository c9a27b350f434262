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

/// Whether those who wait may stop waiting, because their time is over or for a signal.
enum class MutexWaits : u8 { kToTheEnd, kMayGiveUp };

/// One sleep of a waiter that may give up: called with its state set to kInterruptible and what it waits for
/// looked at; returns when woken, the state kRunning. An error: it gives up.
using MutexSleep = Result<> (*)(void* context);

class Mutex {
 public:
  constexpr Mutex() = default;
  /// Of a mutex whose waiters may give up the owner gets their priority even under proxy execution (spec 6):
  /// a waiter must be able to leave at any time, so nobody executes in its stead.
  explicit constexpr Mutex(MutexWaits waits) : waits_(waits) {}
  Mutex(const Mutex&) = delete;
  Mutex& operator=(const Mutex&) = delete;

  /// Blocks while another task owns it; the most urgent waiter gets it first, equals in the order of arrival.
  /// kDEADLK: the owner waits, perhaps through others, for the caller, or kMaxLockDepth is exceeded; nothing
  /// has changed then. Thread context, no spinlock held.
  Result<> lock() {
    port::assert_no_locks_held("mutex lock with a spinlock held");
    return try_lock() ? Result<>() : lock_contended();
  }
  /// As lock(), sleeping by `sleep`; its error when it gave up. Of a mutex of kMayGiveUp.
  Result<> lock_with(MutexSleep sleep, void* context);
  bool try_lock() {
    u64 word = 0;
    // Acquire: pairs with the release of whoever unlocked it.
    return word_.compare_exchange_strong(word, word_of(current()), std::memory_order_acquire,
                                         std::memory_order_relaxed);
  }
  /// By the owner. The most urgent waiter becomes the owner before anyone else can try. What was lent on
  /// account of this mutex is given back first.
  void unlock() {
    u64 word = word_of(current()); // and nobody waits
    if (!word_.compare_exchange_strong(word, 0, std::memory_order_release, std::memory_order_relaxed))
      static_cast<void>(unlock_if(nullptr));
  }
  /// As unlock(), if `to` is the most urgent waiter (nullptr: if nobody waits); else nothing happens: false.
  bool unlock_to(const Task* to);
  /// `owner` owns the mutex, which is new, without having called lock(). It lives until it has unlocked it.
  void own_by(Task& owner);
  Task* owner() const { return owner_of(word_.load(std::memory_order_relaxed)); }
  /// Who would be the next owner now; allocated as long as the caller's RCU read section lasts.
  Task* first_waiter();

 private:
  friend struct PiChain;
  friend struct ProxyLook;
  enum class Enqueued { kTaken, kWaits };
  Result<> lock_contended();
  Enqueued take_or_queue(MutexWaiter& self, Task** owner);
  bool give_up(MutexWaiter& self);
  void note_wait(MutexWaiter& self);
  Result<> lock_by(u32 state, MutexSleep sleep, void* context);
  /// The owner's part of unlocking. False: the most urgent waiter is not `*to`.
  bool pass_on(MutexWaiter** next, const Task* const* to);
  bool unlock_if(const Task* const* to);
  void update_donation() REQUIRES(wait_lock_);
  void withdraw_donation(Task& from) REQUIRES(wait_lock_);

  port::Lock wait_lock_{port::LockRank::kMutexWait}; // interrupts off; inside rq locks (L1)
  const MutexWaits waits_ = MutexWaits::kToTheEnd;
  RbTree<MutexWaiter, &MutexWaiter::node, is_more_urgent_waiter> waiters_ GUARDED_BY(wait_lock_);
  PiDonation donation_ GUARDED_BY(wait_lock_); // linked under the owner's blocked_lock as well

  // The owner, or 0: free; with kContended while there are waiters. That bit is written under wait_lock_
  // only, and while it is set the owner changes under wait_lock_ only. Without it a task takes a free mutex,
  // and its owner frees it, with one exchange.
  static constexpr u64 kContended = 1;
  static u64 word_of(const Task& owner) { return reinterpret_cast<u64>(&owner); }
  static Task* owner_of(u64 word) { return reinterpret_cast<Task*>(word & ~kContended); }
  std::atomic<u64> word_{0};
};

} // namespace runnel::sched
