// SPDX-License-Identifier: Apache-2.0
// The events: what a thread of a workload does, and how it waits.
#include "kernel/time/clock.hpp"
#include "kernel/time/sleep.hpp"
#include "kernel/workload/engine.hpp"

#include <sched/sched.hpp>

namespace runnel::workload {

namespace {

Progress burn_until(const Engine& engine, Instant when) {
  while (time::now().is_before(when)) {
    if (engine.over()) return Progress::kStop;
    burn();
    arch::Cpu::relax();
  }
  return Progress::kGoOn;
}

/// Busy until the thread has had `length` of CPU time. Burns what is left in wall time, which is never too
/// much, then looks how much of it was its own.
Progress burn_cpu_time(const Engine& engine, Task& self, Duration length) {
  const Duration target = sched::task_runtime(self) + length;
  for (;;) {
    const Duration left = target - sched::task_runtime(self);
    if (left.ns <= 0) return Progress::kGoOn;
    if (burn_until(engine, time::now() + left) == Progress::kStop) return Progress::kStop;
  }
}

void yield_and_count(WorkThread& self) {
  // A switch by yield() counts as involuntary in the scheduler's figures; it is no preemption.
  const u64 before = self.task->stats.nivcsw;
  yield();
  if (self.task->stats.nivcsw != before) ++self.figures.yield_switches;
}

} // namespace

void burn() {
  static constexpr u32 kRounds = 200; // of about five instructions
  u64 x = 88172645463325252;
  for (u32 i = 0; i < kRounds; ++i) {
    x ^= x << 13;
    x ^= x >> 7;
    asm volatile("" : "+r"(x)); // the result is not used; the work is
  }
}

Progress Engine::execute(WorkThread& self, const Event& event) {
  // A deterministic emulator lets one virtual CPU go on until it relaxes, halts or a timer is due: without
  // this a pair that only wakes each other would keep the other CPUs from running for milliseconds.
  arch::Cpu::relax();
  const Duration length{static_cast<i64>(event.ns)};
  switch (event.kind) {
  case EventKind::kRun:
    return burn_cpu_time(*this, *self.task, length);
  case EventKind::kRuntime:
    return burn_until(*this, time::now() + length);
  case EventKind::kSleep:
    return sleep_to(self, time::now() + length);
  case EventKind::kTimer:
    return wait_timer(self, event);
  case EventKind::kYield:
    yield_and_count(self);
    break;
  case EventKind::kFork:
    fork(event.object);
    break;
  default:
    return synchronise(self, event);
  }
  return over() ? Progress::kStop : Progress::kGoOn;
}

Progress Engine::sleep_to(WorkThread& self, Instant when) {
  const Instant until = when.is_before(deadline_) ? when : deadline_;
  while (time::now().is_before(until)) {
    sched::set_current_state(sched::kInterruptible);
    if (stopping_.load(std::memory_order_acquire)) { // side A of B1; side B is stop()
      self.task->state.store(sched::kRunning, std::memory_order_relaxed);
      break;
    }
    time::schedule_until(until);
  }
  if (over()) return Progress::kStop;
  self.figures.latency.add(static_cast<u64>((time::now() - when).ns));
  ++self.figures.activations;
  return Progress::kGoOn;
}

Progress Engine::wait_timer(WorkThread& self, const Event& event) {
  // A timer of its own is the thread's alone; a shared one is guarded like the other objects.
  const auto advance = [&](PeriodicTimer& timer) -> std::optional<Instant> {
    if (!timer.started) {
      timer.started = true;
      timer.next = start_ + self.program->delay;
    }
    timer.next = timer.next + Duration{static_cast<i64>(event.ns)};
    const Instant now = time::now();
    if (now.is_before(timer.next)) return timer.next;
    if (!event.absolute) timer.next = now;
    return std::nullopt;
  };
  std::optional<Instant> when;
  if (event.own_timer) {
    when = advance(self.own_timers[event.object]);
  } else {
    const SpinGuard guard(lock_);
    when = advance(objects_.timers[event.object]);
  }
  if (when) return sleep_to(self, *when);
  if (event.ns != 0) ++self.figures.overruns;
  return over() ? Progress::kStop : Progress::kGoOn;
}

Progress Engine::synchronise(WorkThread& self, const Event& event) {
  Outcome outcome = Outcome::kGoOn;
  {
    const SpinGuard guard(lock_);
    if (stopping_.load(std::memory_order_relaxed)) return Progress::kStop;
    self.granted.store(false, std::memory_order_relaxed);
    outcome = operate(self, event);
    if (outcome == Outcome::kMustWait) {
      ++parked_;
      check_stalled();
    }
  }
  if (outcome == Outcome::kMustWait) return park(self);
  if (outcome == Outcome::kMisuse) ++self.figures.misuses;
  return over() ? Progress::kStop : Progress::kGoOn;
}

Outcome Engine::operate(WorkThread& self, const Event& event) {
  const auto wake = [this](Waiter& waiter)
                        NO_THREAD_SAFETY_ANALYSIS { grant(static_cast<WorkThread&>(waiter)); };
  switch (event.kind) {
  case EventKind::kLock:
    return lock(objects_.mutexes[event.object], self);
  case EventKind::kUnlock:
    return unlock(objects_.mutexes[event.object], self, wake);
  case EventKind::kSync:
    signal(objects_.conditions[event.object], wake);
    [[fallthrough]];
  case EventKind::kWait:
    return wait(objects_.conditions[event.object], objects_.mutexes[event.mutex], self, wake);
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
  for (;;) {
    sched::set_current_state(sched::kInterruptible); // B1, side A; side B: grant() and stop()
    if (self.granted.load(std::memory_order_acquire) || stopping_.load(std::memory_order_acquire)) break;
    sched::schedule();
  }
  self.task->state.store(sched::kRunning, std::memory_order_relaxed);
  if (over()) return Progress::kStop;
  self.figures.latency.add(static_cast<u64>((time::now() - self.granted_at).ns));
  ++self.figures.activations;
  return Progress::kGoOn;
}

void Engine::grant(WorkThread& thread) {
  thread.granted_at = time::now();
  thread.granted.store(true, std::memory_order_release); // pairs with the acquire in park()
  --parked_;
  sched::wake_up_process(*thread.task);
}

void Engine::check_stalled() {
  if (alive_ == 0 || parked_ != alive_) return;
  stalled_ = true;
  sched::wake_up_process(*main_);
}

} // namespace runnel::workload
