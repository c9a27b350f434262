// SPDX-License-Identifier: Apache-2.0

// The clocks of a runqueue and what they charge (spec 1.12).
#include <sched/sched_class.hpp>

namespace runnel::sched {
namespace {

constexpr u32 kUpdated = 1; // Rq::clock_flags: this lock section has looked at the time

} // namespace

void update_rq_clock(Rq& rq) {
  rq.clock_flags |= kUpdated;
  const Duration delta = port::clock() - rq.clock;
  if (delta.ns <= 0) return; // never backwards
  Duration in_irqs = port::irq_time(rq.cpu) - rq.irq_time_seen;
  if (in_irqs > delta) in_irqs = delta; // the rest is deducted next time: clock_task stays monotonic
  rq.irq_time_seen += in_irqs;
  rq.clock = rq.clock + delta;
  rq.clock_task = rq.clock_task + (delta - in_irqs);
}

Instant rq_clock(const Rq& rq) {
  port::assert_((rq.clock_flags & kUpdated) != 0);
  return rq.clock;
}

Instant rq_clock_task(const Rq& rq) {
  port::assert_((rq.clock_flags & kUpdated) != 0);
  return rq.clock_task;
}

namespace {

/// Out of line, so that the untraced way has no registers to save.
[[gnu::noinline]] void trace_runtime(const Rq& rq, Duration delta) {
  if (rq.curr != rq.idle)
    port::trace(trace::EventType::kSchedStatRuntime, rq.curr->pid, static_cast<u64>(delta.ns), 0);
}

} // namespace

Duration update_curr_common(Rq& rq) {
  Task& donor = *rq.donor;
  const Duration delta = rq_clock_task(rq) - donor.exec_start;
  if (delta.ns <= 0) return {};
  donor.exec_start = rq.clock_task;
  rq.curr->stats.sum_exec_runtime += delta;
  if (port::trace_enabled()) [[unlikely]]
    trace_runtime(rq, delta);
  return delta;
}

Duration task_runtime(Task& p) {
  const port::IrqLockGuard pi(p.pi_lock);
  TaskRqLock locked(p);
  Rq& rq = locked.rq();
  rq.lock.assert_held();
  if (rq.curr == &p || rq.donor == &p) {
    update_rq_clock(rq);
    rq.donor->sched_class->update_curr(rq);
  }
  return p.stats.sum_exec_runtime;
}

} // namespace runnel::sched
