// SPDX-License-Identifier: Apache-2.0
#include "kernel/sync/wait_queue.hpp"

namespace runnel::sync {

void WaitQueue::prepare(Waiter& waiter, u32 state) {
  const IrqSpinGuard guard(lock_);
  if (!waiter.node.is_linked()) waiters_.push_back(waiter);
  sched::set_current_state(state); // full barrier inside: B1, side A
}

void WaitQueue::finish(Waiter& waiter) {
  sched::current().state.store(sched::kRunning, std::memory_order_relaxed);
  {
    // The lock even when already unlinked: a waker that still holds it may be using `waiter`, which is on our
    // stack.
    const IrqSpinGuard guard(lock_);
    if (waiter.node.is_linked()) return waiters_.erase(waiter);
  }
  wake_one();
}

void WaitQueue::wake(u32 n) {
  const IrqSpinGuard guard(lock_);
  for (; n > 0; --n) {
    Waiter* waiter = waiters_.pop_front();
    if (waiter == nullptr) return;
    sched::wake_up_process(*waiter->task); // B1, side B: orders the caller's stores before it reads the state
  }
}

} // namespace runnel::sync
