// SPDX-License-Identifier: Apache-2.0
// Lending and taking back: a task's priority follows its most urgent waiter (spec 4.1, 5.9).
#include "sched/core/affinity.hpp"
#include "sched/pi/pi.hpp"

#include <sched/sched_class.hpp>

namespace runnel::sched {
namespace {

/// What the most urgent waiter of all mutexes that `p` owns offers.
PiKey best_donation(Task& p) {
  const InnerLock blocked(p.pi.blocked_lock);
  const PiDonation* best = p.pi.donations.first();
  return best != nullptr && best->key.lends() ? best->key : PiKey{};
}

DlEntity* lender_for(Task& p, const PiKey& best, i32 prio) {
  if (!is_dl_prio(prio) || best.lender == nullptr) return &p.dl;
  if (p.dl.pi_se == best.lender) return best.lender; // as before
  const u64 own = p.dl.borrows ? p.dl.own_deadline : p.dl.deadline;
  const bool earlier = dl_before(best.deadline, own);
  return !is_dl_prio(p.normal_prio) || earlier ? best.lender : &p.dl;
}

} // namespace

PiKey pi_key_of(const Task& p) {
  if (is_dl_prio(p.prio)) return {p.prio, p.dl.deadline, p.dl.pi_se};
  return {is_rt_prio(p.prio) ? p.prio : kDefaultPrio, 0, nullptr};
}

namespace {

void change_prio(Task& p, const PiKey& best, DeferredCallbacks& callbacks) NO_THREAD_SAFETY_ANALYSIS {
  TaskRqLock locked(p);
  Rq& rq = locked.rq();
  p.pi.lent = best;
  const i32 prio = pi_effective_prio(p, p.normal_prio);
  DlEntity* const lender = lender_for(p, best, prio);
  if (prio == p.prio && lender == p.dl.pi_se) return;

  update_rq_clock(rq);
  if (port::trace_enabled())
    port::trace(trace::EventType::kSchedPiSetprio, p.pid, static_cast<u64>(i64{p.prio}),
                static_cast<u64>(i64{prio}));
  {
    SchedChange change(rq, p, class_of(p.policy, prio),
                       p.prio != prio ? kFlagSave | kFlagMove : u32{kFlagSave});
    if (lender != p.dl.pi_se && lender != &p.dl) change.replenish();
    if (p.prio < prio) change.enqueue_at_head(); // what it gives back does not cost it its turn
    p.dl.pi_se = lender;
    p.prio = prio;
  }
  callbacks.take(rq);
}

} // namespace

void pi_adjust_prio(Task& p, DeferredCallbacks& callbacks) {
  const PiKey best = best_donation(p);
  if (!best.lends() && !p.pi.lent.lends()) return;
  change_prio(p, best, callbacks);
  leave_inactive_cpu(p);
}

void pi_adjust_prio(Task& p) {
  DeferredCallbacks callbacks;
  const port::IrqLockGuard pi(p.pi_lock);
  pi_adjust_prio(p, callbacks);
}

DlEntity* pi_lender(Task& p, i32 prio) { return lender_for(p, p.pi.lent, prio); }

i32 pi_effective_prio(const Task& p, i32 normal) {
  return p.pi.lent.lends() && p.pi.lent.prio < normal ? p.pi.lent.prio : normal;
}

} // namespace runnel::sched
