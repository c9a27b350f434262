// SPDX-License-Identifier: Apache-2.0
#include "kernel/sync/mutex.hpp"

#include "kernel/debug/panic.hpp"
#include "kernel/sync/rcu.hpp"

#include <sched/sched.hpp>

namespace runnel::sync {

bool Mutex::try_lock() NO_THREAD_SAFETY_ANALYSIS {
  const IrqSpinGuard guard(wait_lock_);
  if (owner_.load(std::memory_order_relaxed) != nullptr) return false;
  owner_.store(&sched::current(), std::memory_order_relaxed);
  return true;
}

bool Mutex::take_or_queue(Waiter& self) {
  const IrqSpinGuard guard(wait_lock_);
  if (owner_.load(std::memory_order_relaxed) == nullptr) {
    owner_.store(self.task, std::memory_order_relaxed);
    return true;
  }
  waiters_.push_back(self);
  return false;
}

void Mutex::lock() NO_THREAD_SAFETY_ANALYSIS {
  lockdep_assert_none_held(nullptr, "mutex lock with a spinlock held");
  Waiter self;
  RUNNEL_BUG_ON(owner_.load(std::memory_order_relaxed) == self.task);
  if (take_or_queue(self)) return;
  for (;;) {
    sched::set_current_state(sched::kUninterruptible);
    // Acquire: pairs with the release in hand_over; what the previous owner did is visible.
    if (owner_.load(std::memory_order_acquire) == self.task) break;
    sched::schedule();
  }
  sched::current().state.store(sched::kRunning, std::memory_order_relaxed);
}

sched::Task* Mutex::hand_over() {
  const IrqSpinGuard guard(wait_lock_);
  RUNNEL_BUG_ON(owner_.load(std::memory_order_relaxed) != &sched::current());
  Waiter* next = waiters_.pop_front();
  sched::Task* task = next != nullptr ? next->task : nullptr;
  owner_.store(task, std::memory_order_release); // from here on `next` may be gone with its stack frame
  return task;
}

void Mutex::unlock() NO_THREAD_SAFETY_ANALYSIS {
  // The wake-up comes after wait_lock_, which is further in than pi_lock. The new owner may run, unlock and
  // exit before it; a task's memory outlives every RCU read section that could have seen the task.
  const RcuReadGuard keeps_next_allocated;
  if (sched::Task* next = hand_over()) sched::wake_up_process(*next);
}

} // namespace runnel::sync
