// SPDX-License-Identifier: Apache-2.0
// Proxy execution (spec 6): a task that waits for a mutex stays queued; when it is picked, the owner of the
// mutex executes and the waiter, the donor, is charged.
#pragma once

#include <sched/features.hpp>
#include <sched/task.hpp>

namespace runnel::sched {

class Mutex;

/// What PiEntity::blocked_on holds between the hand-over of the mutex and its new owner's return to where it
/// may run.
inline Mutex* const kProxyWaking = reinterpret_cast<Mutex*>(uptr{1});

/// `p` waits for a mutex, or still has to return from where its wait took it: if picked, find_proxy_task
/// decides who executes. Such a task is in no pushable set and is not balanced.
inline bool task_is_blocked(const Task& p) {
  return features.proxy_exec && p.pi.blocked_on.load(std::memory_order_relaxed) != nullptr;
}

/// A task that really slept is being woken: its waker places it where it may run, so it need not return from
/// anywhere. pi_lock, interrupts off.
inline void proxy_returns(Task& p) {
  if (p.pi.blocked_on.load(std::memory_order_relaxed) != kProxyWaking) return;
  p.pi.blocked_lock.lock();
  p.pi.blocked_on.store(nullptr, std::memory_order_relaxed); // only the task itself, asleep, could change it
  p.pi.blocked_lock.unlock();
}

} // namespace runnel::sched
