// SPDX-License-Identifier: Apache-2.0
// The events by which threads wait for each other: mutexes, conditions, barriers, semaphores, suspension.
#include "kernel/workload/engine.hpp"

#include <algorithm>

namespace runnel::workload {

Progress Engine::lock_mutex(WorkThread& self, MutexObject& object) {
  const Instant asked = now();
  {
    const ground::SpinGuard guard(lock_);
    if (stopping_.load(std::memory_order_relaxed)) return Progress::kStop;
    if (object.record.owner == &self) return misuse(self);
    if (object.mutex.try_lock()) {
      object.record.owner = &self;
      return over() ? Progress::kStop : Progress::kGoOn;
    }
    self.granted.store(false, std::memory_order_relaxed);
    now_waits();
  }
  // Its owner waits for this thread: this one waits for ever, but where stop() reaches it.
  if (!object.mutex.lock()) return park(self);
  Instant released;
  {
    const ground::SpinGuard guard(lock_);
    object.record.owner = &self;
    released = object.record.released_at;
    --waiting_;
    ++progress_;
  }
  if (over()) return Progress::kStop;
  self.figures.lock_wait_max = std::max(self.figures.lock_wait_max, now() - asked);
  count_latency(self, released.is_before(asked) ? asked : released);
  return Progress::kGoOn;
}

bool Engine::give_up(WorkThread& self, MutexRecord& record) {
  if (record.owner != &self) return false;
  record.owner = nullptr; // before the mutex itself, so that who gets it is the next to be written here
  record.released_at = now();
  return true;
}

bool Engine::unlock_if_owned(WorkThread& self, MutexObject& object) {
  {
    const ground::SpinGuard guard(lock_);
    if (!give_up(self, object.record)) return false;
  }
  object.mutex.unlock();
  return true;
}

/// `wait`, and `sync`, which signals first. Goes on with the mutex.
Progress Engine::wait_condition(WorkThread& self, const Event& event) {
  MutexObject& object = mutexes_[event.mutex];
  {
    const ground::SpinGuard guard(lock_);
    if (stopping_.load(std::memory_order_relaxed)) return Progress::kStop;
    ConditionObject& condition = objects_.conditions[event.object];
    const auto wake = [this](Waiter& waiter)
                          NO_THREAD_SAFETY_ANALYSIS { grant(static_cast<WorkThread&>(waiter)); };
    if (event.kind == EventKind::kSync) signal(condition, wake);
    if (!give_up(self, object.record)) return misuse(self);
    self.granted.store(false, std::memory_order_relaxed);
    condition.waiters.push_back(self); // before the mutex is free: a signal from then on finds this thread
    now_waits();
  }
  object.mutex.unlock();
  if (park(self) == Progress::kStop) return Progress::kStop;
  return lock_mutex(self, object);
}

Progress Engine::misuse(WorkThread& self) {
  ++self.figures.misuses;
  return over() ? Progress::kStop : Progress::kGoOn;
}

Progress Engine::synchronise(WorkThread& self, const Event& event) {
  Outcome outcome = Outcome::kGoOn;
  {
    const ground::SpinGuard guard(lock_);
    if (stopping_.load(std::memory_order_relaxed)) return Progress::kStop;
    self.granted.store(false, std::memory_order_relaxed);
    outcome = operate(self, event);
    if (outcome == Outcome::kMustWait) now_waits();
  }
  if (outcome == Outcome::kMustWait) return park(self);
  return over() ? Progress::kStop : Progress::kGoOn;
}

Outcome Engine::operate(WorkThread& self, const Event& event) {
  const auto wake = [this](Waiter& waiter)
                        NO_THREAD_SAFETY_ANALYSIS { grant(static_cast<WorkThread&>(waiter)); };
  switch (event.kind) {
  case EventKind::kSignal:
    signal(objects_.conditions[event.object], wake);
    break;
  case EventKind::kBroadcast:
    broadcast(objects_.conditions[event.object], wake);
    break;
  case EventKind::kBarrier:
    return arrive(objects_.barriers[event.object], self, wake);
  case EventKind::kSemPost:
    sem_post(objects_.semaphores[event.object], wake);
    break;
  case EventKind::kSemWait:
    return sem_wait(objects_.semaphores[event.object], self);
  case EventKind::kSuspend:
    objects_.suspended[self.task_index].push_back(self);
    return Outcome::kMustWait;
  case EventKind::kResume:
    resume(objects_.suspended[event.object], wake);
    break;
  default:
    break; // the others are execute()'s
  }
  return Outcome::kGoOn;
}

Progress Engine::park(WorkThread& self) {
  sched::Task& task = sched::current();
  for (;;) {
    sched::set_current_state(sched::kInterruptible); // B1, side A; side B: grant() and stop()
    if (self.granted.load(std::memory_order_acquire) || stopping_.load(std::memory_order_acquire)) break;
    sched::schedule();
  }
  task.state.store(sched::kRunning, std::memory_order_relaxed);
  if (over()) return Progress::kStop;
  count_latency(self, self.granted_at);
  return Progress::kGoOn;
}

void Engine::grant(WorkThread& thread) {
  thread.granted_at = now();
  thread.granted.store(true, std::memory_order_release); // pairs with the acquire in park()
  --waiting_;
  ++progress_;
  sched::wake_up_process(*thread.task.load(std::memory_order_relaxed));
}

void Engine::now_waits() {
  ++waiting_;
  if (waiting_ == alive_) sched::wake_up_process(*main_);
}

} // namespace runnel::workload
