// SPDX-License-Identifier: Apache-2.0
// complete() does all under the lock and a waiter leaves only through the lock, so that a completion on the
// waiter's stack is not touched after the waiter has gone.
#include "kernel/sync/completion.hpp"
#include "kernel/time/clock.hpp"

namespace runnel::sync {

bool Completion::take() {
  if (count_ == 0) return false;
  if (count_ != kAll) --count_;
  return true;
}

bool Completion::try_wait() {
  const IrqSpinGuard guard(lock_);
  return take();
}

void Completion::complete() {
  const IrqSpinGuard guard(lock_);
  if (Waiter* waiter = waiters_.pop_front()) {
    waiter->done = true; // handed over: nobody who comes later can take it away
    sched::wake_up_process(*waiter->task);
  } else if (count_ != kAll) {
    ++count_;
  }
}

void Completion::complete_all() {
  const IrqSpinGuard guard(lock_);
  count_ = kAll;
  while (Waiter* waiter = waiters_.pop_front()) {
    waiter->done = true;
    sched::wake_up_process(*waiter->task);
  }
}

bool Completion::enqueue(Waiter& self) {
  const IrqSpinGuard guard(lock_);
  if (take()) return false;
  waiters_.push_back(self);
  return true;
}

bool Completion::still_waiting(const Waiter& self) {
  const IrqSpinGuard guard(lock_);
  if (self.done) return false;
  sched::set_current_state(sched::kUninterruptible);
  return true;
}

void Completion::wait() {
  Waiter self;
  if (!enqueue(self)) return;
  while (still_waiting(self)) sched::schedule();
}

bool Completion::wait_for(Duration limit) {
  Waiter self;
  if (!enqueue(self)) return true;
  const Instant until = time::now() + limit;
  while (still_waiting(self)) {
    if (time::schedule_until(until) == time::SleepResult::kWoken) continue;
    const IrqSpinGuard guard(lock_);
    if (!self.done) List<Waiter, &Waiter::node>::erase(self);
    return self.done;
  }
  return true;
}

} // namespace runnel::sync
