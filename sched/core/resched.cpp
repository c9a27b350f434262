// SPDX-License-Identifier: Apache-2.0

// Asking a CPU to reschedule (spec 1.9, 1.11, rule B8).
#include <sched/features.hpp>
#include <sched/rq.hpp>

namespace runnel::sched {

void resched_curr(Rq& rq) {
  Task* curr = rq.curr;
  if ((curr->thread.flags.load(std::memory_order_relaxed) & kNeedResched) != 0) return;
  // B8: the read-modify-write both sets the flag and learns whether the target polls; pairs with the idle
  // loop's clear-polling, full barrier, test.
  const u32 old = curr->thread.flags.fetch_or(kNeedResched);
  if (rq.cpu == port::this_cpu()) return;
  if ((old & kPolling) == 0)
    port::send_reschedule(rq.cpu);
  else if (port::trace_enabled())
    port::trace(trace::EventType::kSchedWakeIdleWithoutIpi, 0, rq.cpu.value, 0);
}

void resched_curr_lazy(Rq& rq) {
  if (!features.lazy_preempt || rq.curr == rq.idle) return resched_curr(rq);   // N2: nothing lazy about idle
  rq.curr->thread.flags.fetch_or(kNeedReschedLazy, std::memory_order_relaxed); // N4: no IPI
}

} // namespace runnel::sched
