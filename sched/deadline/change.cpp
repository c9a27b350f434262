// SPDX-License-Identifier: Apache-2.0
// Deadline tasks that enter or leave the class, change their deadline or their CPU (spec 2.2, 2.3, 5.6).
#include "sched/deadline/deadline.hpp"

namespace runnel::sched {
namespace {

/// Some CPU has only later dl work, or none, and is allowed for `p`.
bool could_run_elsewhere(Rq& rq, Task& p) {
  CpuId cpu;
  return find_later_rq(p, &cpu) && cpu != rq.cpu;
}

} // namespace

void wakeup_preempt_dl(Rq& rq, Task& p) {
  if (!in_dl_class(p) || !p.dl.is_queued()) return; // a higher class, or throttled: it will not run
  Task& donor = *rq.donor;
  const DlEntity* runs = dl_runs_by(donor);
  if (runs == nullptr || dl_earlier(p.dl, *runs)) return resched_curr(rq);
  // Equals: a newcomer that can run nowhere else takes the CPU from one that can (as spec 4 RT4).
  if (!in_dl_class(donor) || p.dl.deadline != donor.dl.deadline || &p == &donor) return;
  if ((rq.curr->thread.flags.load(std::memory_order_relaxed) & kNeedResched) != 0) return;
  if (!can_move(*rq.curr) || !could_run_elsewhere(rq, donor)) return;
  if (could_run_elsewhere(rq, p)) return;
  resched_curr(rq);
}

void switched_from_dl(Rq& rq, Task& p) {
  DlEntity& se = p.dl;
  dl_count(rq, se, Counted::kNot);
  se.non_contending = false; // it may leave this rq while the timer runs
  if (se.borrows) cbs::give_back(se);
  if (!is_dl_policy(p.policy)) se.throttled = se.yielded = false; // it was here by a loan only (spec 5.9)
  dl_hold_share(rq, se);
  if (p.is_queued()) queue_pull_dl(rq); // what is left here may be later than what waits elsewhere
}

void switched_to_dl(Rq& rq, Task& p) {
  if (is_dl_policy(p.policy))
    dl_timer_disarm(p.dl.inactive_timer); // a boost leaves the old share to its timer
  if (!p.is_queued()) {                   // its next wake-up updates the rest
    if (is_dl_policy(p.policy)) return dl_become_inactive(rq, p.dl);
    return dl_count(rq, p.dl, Counted::kInactive);
  }
  // Also when it runs: another one may have been about to take this CPU from it.
  if (rq.dl.overloaded) queue_push_dl(rq);
  if (&p != rq.donor)
    wakeup_preempt_dl(rq, p);
  else if (!p.dl.is_queued())
    resched_curr(rq); // what is left of an earlier stay makes it wait
}

void prio_changed_dl(Rq& rq, Task& p, u64 old_deadline) {
  DlEntity& se = p.dl;
  if (!p.is_queued()) { // else its dequeue and enqueue did this
    if (se.borrows && !se.is_boosted()) cbs::give_back(se);
    if (se.counted_bw != dl_bw_of(se)) dl_recount(rq, se);
  }
  // It gave the policy up while a loan keeps it in the class.
  if (!is_dl_policy(p.policy)) dl_hold_share(rq, se);
  if (!p.is_queued()) return;
  if (&p == rq.donor) {
    const DlEntity* first = rq.dl.queue.first();
    if (!se.is_queued() || dl_earlier(*first, se)) resched_curr(rq); // perhaps throttled
  }
  if (se.deadline == old_deadline) return;
  if (dl_before(old_deadline, se.deadline)) queue_pull_dl(rq);
  queue_push_dl(rq); // it may beat what runs elsewhere; if it runs, others may have been about to run here
  if (&p != rq.donor && se.is_queued()) wakeup_preempt_dl(rq, p);
}

void migrate_task_rq_dl(Task& p) {
  // A wake-up moves it: pi_lock is held, no rq lock. Otherwise both rq locks are, and enqueue and dequeue do
  // this.
  if (p.state.load(std::memory_order_relaxed) != kWaking) return;
  Rq& rq = task_rq(p);
  const RqLock guard(rq);
  if (p.dl.non_contending) {
    p.dl.non_contending = false;
    dl_timer_disarm(p.dl.inactive_timer);
  }
  dl_count(rq, p.dl, Counted::kNot);
}

} // namespace runnel::sched
