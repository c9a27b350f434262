// SPDX-License-Identifier: Apache-2.0
// The events: what a thread of a workload does, and how it waits.
#include "kernel/workload/engine.hpp"

#include <algorithm>
#include <optional>

namespace runnel::workload {

namespace {

void yield_and_count(WorkThread& self) {
  // A switch by yield() counts as involuntary in the scheduler's figures; it is no preemption.
  const sched::TaskStats& stats = sched::current().stats;
  const u64 before = stats.nivcsw;
  ground::yield();
  if (stats.nivcsw != before) ++self.figures.yield_switches;
}

void note_cpu(WorkThread& self) {
  static constexpr u32 kNamed = 64; // masks of a scenario know no more
  const u32 cpu = sched::port::this_cpu().value;
  if (cpu < kNamed) self.figures.ran_on |= u64{1} << cpu;
}

} // namespace

Progress Engine::burn_until(WorkThread& self, Instant when) {
  for (Instant at = now(); at.is_before(when); at = now()) {
    if (over()) return Progress::kStop;
    note_cpu(self);
    ground::burn((when.is_before(deadline_) ? when : deadline_) - at);
    sched::port::relax();
  }
  return Progress::kGoOn;
}

/// Busy until the thread has had `length` of CPU time. Burns what is left in wall time, which is never too
/// much, then looks how much of it was its own.
Progress Engine::burn_cpu_time(WorkThread& self, Duration length) {
  sched::Task& task = sched::current();
  const Duration target = sched::task_runtime(task) + length;
  for (;;) {
    const Duration left = target - sched::task_runtime(task);
    if (left.ns <= 0) return Progress::kGoOn;
    if (burn_until(self, now() + left) == Progress::kStop) return Progress::kStop;
  }
}

Progress Engine::write_memory(WorkThread& self, u64 bytes) {
  static constexpr usize kAtOnce = 4096; // then looks at the time
  usize at = 0;
  for (u64 left = bytes; left != 0;) {
    if (over()) return Progress::kStop;
    note_cpu(self);
    const usize size = std::min<u64>(left, kAtOnce);
    volatile std::byte* const begin = self.memory.begin() + at;
    for (usize i = 0; i < size; ++i) begin[i] = std::byte{0};
    ground::wrote(size);
    left -= size;
    at = (at + kAtOnce) % self.memory.size();
  }
  return Progress::kGoOn;
}

Progress Engine::execute(WorkThread& self, const Event& event) {
  // A deterministic emulator lets one virtual CPU go on until it relaxes, halts or a timer is due: without
  // this a pair that only wakes each other would keep the other CPUs from running for milliseconds.
  sched::port::relax();
  note_cpu(self);
  const Duration length{static_cast<i64>(event.ns)};
  switch (event.kind) {
  case EventKind::kRun:
    return burn_cpu_time(self, length);
  case EventKind::kRuntime:
    return burn_until(self, now() + length);
  case EventKind::kMem:
    return write_memory(self, event.ns);
  case EventKind::kSleep:
    return sleep_to(self, now() + length);
  case EventKind::kTimer:
    return wait_timer(self, event);
  case EventKind::kLock:
    return lock_mutex(self, mutexes_[event.object]);
  case EventKind::kUnlock:
    if (!unlock_if_owned(self, mutexes_[event.object])) ++self.figures.misuses;
    break;
  case EventKind::kWait:
  case EventKind::kSync:
    return wait_condition(self, event);
  case EventKind::kYield:
    yield_and_count(self);
    break;
  case EventKind::kFork:
    fork(event.object);
    break;
  case EventKind::kMark:
    if (sched::port::trace_enabled()) sched::port::trace(trace::EventType::kMark, self.pid, event.ns, 0);
    break;
  default:
    return synchronise(self, event);
  }
  return over() ? Progress::kStop : Progress::kGoOn;
}

void Engine::count_latency(WorkThread& self, Instant since) {
  self.figures.latency.add(static_cast<u64>(std::max<i64>((now() - since).ns, 0)));
  ++self.figures.activations;
}

Progress Engine::sleep_to(WorkThread& self, Instant when) {
  const Instant until = when.is_before(deadline_) ? when : deadline_;
  while (now().is_before(until)) {
    sched::set_current_state(sched::kInterruptible);
    if (stopping_.load(std::memory_order_acquire)) { // side A of B1; side B is stop()
      sched::current().state.store(sched::kRunning, std::memory_order_relaxed);
      break;
    }
    ground::sleep_step(until);
  }
  if (over()) return Progress::kStop;
  count_latency(self, when);
  return Progress::kGoOn;
}

Progress Engine::wait_timer(WorkThread& self, const Event& event) {
  const Duration period{static_cast<i64>(event.ns)};
  Instant release; // of the job that ends here
  // A timer of its own is the thread's alone; a shared one is guarded like the other objects.
  const auto advance = [&](PeriodicTimer& timer) -> std::optional<Instant> {
    if (!timer.started) {
      timer.started = true;
      timer.next = start_ + self.program->delay;
    }
    release = timer.next;
    timer.next = timer.next + period;
    const Instant at = now();
    if (at.is_before(timer.next)) return timer.next;
    if (!event.absolute) timer.next = at;
    return std::nullopt;
  };
  std::optional<Instant> when;
  Instant next;
  const auto use = [&](PeriodicTimer& timer) {
    when = advance(timer);
    next = timer.next;
  };
  if (event.own_timer) {
    use(self.own_timers[event.object]);
  } else {
    const ground::SpinGuard guard(lock_);
    use(objects_.timers[event.object]);
  }
  end_job(self, release.is_before(self.job_begin) ? self.job_begin : release, period);
  self.job_deadline = next + relative_deadline(self, period);
  if (when) return sleep_to(self, *when);
  ++self.figures.overruns;
  return over() ? Progress::kStop : Progress::kGoOn;
}

Duration Engine::relative_deadline(const WorkThread& self, Duration period) {
  if (self.params.policy != Policy::kDeadline) return period;
  return std::min(period, Duration{static_cast<i64>(self.params.deadline_ns)});
}

void Engine::end_job(WorkThread& self, Instant release, Duration period) {
  JobFigures& jobs = self.figures.jobs;
  const Instant at = now();
  const Duration response = at - release;
  const Duration slack = period - response;
  const Duration late = response - relative_deadline(self, period);
  jobs.slack_min = jobs.count == 0 ? slack : std::min(jobs.slack_min, slack);
  jobs.slack_sum += slack;
  jobs.response_max = std::max(jobs.response_max, response);
  ++jobs.count;
  if (late.ns <= 0) return;
  ++jobs.misses;
  jobs.lateness_max = std::max(jobs.lateness_max, late);
  if (sched::port::trace_enabled())
    sched::port::trace(trace::EventType::kDeadlineMiss, self.pid,
                       static_cast<u64>((at + Duration{-late.ns}).ns), static_cast<u64>(late.ns));
}

} // namespace runnel::workload
