// SPDX-License-Identifier: Apache-2.0
// The fair class: who runs next, and the charge for who runs (spec 3.5, 3.6).
#include "sched/balance/load.hpp"
#include "sched/fair/fair.hpp"
#include "sched/fair/server_hooks.hpp"

namespace runnel::sched {

void FairClass::update_curr(Rq& rq) const {
  EevdfQueue& q = rq.fair.eevdf;
  if (q.curr == nullptr) return; // another class's task is charged, or nobody inside a change (spec 2.2)
  const Duration delta = update_curr_common(rq);
  if (delta.ns <= 0) return;
  const bool others_first = eevdf::charge(q, static_cast<u64>(delta.ns), fair_rules());
  fair_server_charge(rq, delta);
  if (others_first) resched_curr_lazy(rq);
}

/// As eevdf::pick, but a delayed winner has worked its debt off: it leaves, and the next one is asked for.
eevdf::Choice FairClass::pick_runnable(Rq& rq, eevdf::Protection protection) const {
  for (;;) {
    const eevdf::Choice choice = eevdf::pick(rq.fair.eevdf, protection, fair_rules());
    if (choice.entity == nullptr) return choice;
    Task& p = task_of(*choice.entity);
    if (!p.sched_delayed) return choice;
    dequeue_task(rq, p, kDequeueSleep | kFlagDelayed | kFlagNoclock);
  }
}

Pick FairClass::pick_task(Rq& rq) const {
  EevdfQueue& q = rq.fair.eevdf;
  if (q.nr_queued == 0) return {};
  if (q.curr != nullptr && q.curr->on_rq) update_curr(rq);
  const eevdf::Choice choice = pick_runnable(rq, eevdf::Protection::kApplies);
  if (choice.entity == nullptr) return {};
  if (choice.entity == q.curr) fair_hrtick_update(rq); // nobody sets it anew
  Pick pick{.task = &task_of(*choice.entity), .reason = choice.reason};
  if (port::trace_enabled()) {
    const eevdf::Evidence evidence = eevdf::explain(q, choice);
    pick.a = static_cast<u64>(evidence.a);
    pick.b = static_cast<u64>(evidence.lag);
  }
  return pick;
}

void FairClass::put_prev_task(Rq& rq, Task& p, Task*) const {
  if (p.se.on_rq) update_curr(rq);
  eevdf::put_current(rq.fair.eevdf);
  load_stopped(rq, p);
  fair_hrtick_stop(rq);
}

void FairClass::set_next_task(Rq& rq, Task& p, SetNext how) const {
  const auto stint = how == SetNext::kPicked ? eevdf::Stint::kFresh : eevdf::Stint::kResumed;
  eevdf::set_current(rq.fair.eevdf, p.se, stint, fair_rules());
  load_started(rq, p);
  fair_hrtick_update(rq);
}

} // namespace runnel::sched
