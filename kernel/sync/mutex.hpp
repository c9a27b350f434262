// SPDX-License-Identifier: Apache-2.0
// Sleeping lock, handed over in the order of arrival. (Priority inheritance comes with the scheduling
// classes.)
#pragma once

#include "kernel/lib/list.hpp"
#include "kernel/sync/spinlock.hpp"

#include <sched/task.hpp>

namespace runnel::sync {

class CAPABILITY("mutex") Mutex {
 public:
  constexpr Mutex() = default;
  Mutex(const Mutex&) = delete;
  Mutex& operator=(const Mutex&) = delete;

  /// Blocks while another thread owns it. Thread context, no spinlock held; not recursive (panics).
  void lock() ACQUIRE();
  bool try_lock() TRY_ACQUIRE(true);
  /// By the owner (else panics). The first waiter becomes the owner before anyone else can try.
  void unlock() RELEASE();
  bool is_locked() const { return owner_.load(std::memory_order_relaxed) != nullptr; }
  const sched::Task* owner() const { return owner_.load(std::memory_order_relaxed); }

 private:
  struct Waiter {
    sched::Task* task = &sched::current();
    ListNode node;
  };
  /// Takes the free mutex, or queues `self`; true when taken.
  bool take_or_queue(Waiter& self);
  sched::Task* hand_over();

  SpinLock wait_lock_{LockRank::kMutexWait};
  List<Waiter, &Waiter::node> waiters_ GUARDED_BY(wait_lock_);
  std::atomic<sched::Task*> owner_{nullptr}; // written under wait_lock_
};

class SCOPED_CAPABILITY [[nodiscard]] MutexGuard {
 public:
  explicit MutexGuard(Mutex& mutex) ACQUIRE(mutex) : mutex_(mutex) { mutex_.lock(); }
  ~MutexGuard() RELEASE() { mutex_.unlock(); }
  MutexGuard(const MutexGuard&) = delete;
  MutexGuard& operator=(const MutexGuard&) = delete;

 private:
  Mutex& mutex_;
};

} // namespace runnel::sync

namespace runnel {
using sync::Mutex;
using sync::MutexGuard;
} // namespace runnel
