// SPDX-License-Identifier: Apache-2.0
// The fair class: when the current task makes way (spec 3.9).
#include "sched/balance/load.hpp"
#include "sched/fair/fair.hpp"
#include "sched/fair/wake_test.hpp"

namespace runnel::sched {

void FairClass::wakeup_preempt(Rq& rq, Task& p, u32 wake_flags) const {
  EevdfQueue& q = rq.fair.eevdf;
  if (p.sched_class != this || !features.wakeup_preemption) return;
  if (q.curr == nullptr || q.curr == &p.se)
    return; // another class's task runs: who raised next_class told it
  if ((rq.curr->thread.flags.load(std::memory_order_relaxed) & kNeedResched) != 0) return;

  const eevdf::Waking wake{.current_policy = task_of(*q.curr).policy,
                           .policy = p.policy,
                           .kind = (wake_flags & kWakeFork) != 0 ? eevdf::WakeKind::kFork
                                                                 : eevdf::WakeKind::kOther};
  const bool preempts = eevdf::wakeup_preempts(
      q, p.se, wake, fair_rules(),
      [&] {
        rq.lock.assert_held();
        update_curr(rq);
      },
      [&](eevdf::Protection protection) {
        rq.lock.assert_held();
        return pick_runnable(rq, protection).entity;
      });
  if (preempts)
    resched_curr_lazy(rq);
  else
    fair_hrtick_update(rq); // its protection may have shrunk
}

void FairClass::yield_task(Rq& rq) const {
  EevdfQueue& q = rq.fair.eevdf;
  if (q.curr == nullptr || q.nr_queued <= 1) return;
  eevdf::clear_buddy(q, *q.curr);
  update_rq_clock(rq);
  update_curr(rq);
  eevdf::yield_current(q, fair_rules());
}

void FairClass::task_tick(Rq& rq, Task&, Tick kind) const {
  update_curr(rq);
  load_changed(rq);
  if (kind == Tick::kHrtick) resched_curr_lazy(rq);
}

void FairClass::prio_changed(Rq& rq, Task& p, u64 old_prio) const {
  if (!p.is_queued() || rq.fair.nr_queued == 1) return;
  const i32 old = static_cast<i32>(old_prio);
  if (p.prio == old) return;
  if (rq.donor != &p)
    sched::wakeup_preempt(rq, p, 0);
  else if (p.prio > old)
    resched_curr(rq);
}

void FairClass::switched_to(Rq& rq, Task& p) const {
  if (p.is_queued() && rq.donor != &p) sched::wakeup_preempt(rq, p, 0);
}

} // namespace runnel::sched
