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

/// A waker has sent it to another CPU's wake list: taken out of the old rq's sums if it was of this class
/// then, not yet in the new one's. What kWakeMigrated says there is to do has been done when this is true.
bool take_wake_migration(Task& p) {
  if (p.state.load(std::memory_order_relaxed) != kWaking || (p.wake_list_flags & kWakeMigrated) == 0)
    return false;
  p.wake_list_flags &= ~u32{kWakeMigrated};
  return true;
}

} // namespace

void wakeup_preempt_dl(Rq& rq, Task& p) {
  if (!in_dl_class(p) || !p.dl.is_queued()) return; // a higher class, or throttled: it will not run
  Task& donor = *rq.donor;
  if (!in_dl_class(donor)) return resched_curr(rq);
  if (dl_earlier(p.dl, donor.dl)) return resched_curr(rq);
  // Equals: a newcomer that can run nowhere else takes the CPU from one that can (as spec 4 RT4).
  if (p.dl.deadline != donor.dl.deadline || &p == &donor) return;
  if ((rq.curr->thread.flags.load(std::memory_order_relaxed) & kNeedResched) != 0) return;
  if (rq.curr->nr_cpus_allowed == 1 || !could_run_elsewhere(rq, donor)) return;
  if (could_run_elsewhere(rq, p)) return;
  resched_curr(rq);
}

void switched_from_dl(Rq& rq, Task& p) {
  DlEntity& se = p.dl;
  if (p.is_queued()) {
    // The dequeue took it out of the sums; the domain's share is free at its 0-lag time (spec 5.5).
    dl_non_contending(rq, se, Leaves::kClass);
  } else {
    if (se.non_contending) grub::sub_running_bw(rq.dl.sums, se.bw);
    if (!take_wake_migration(p)) grub::sub_rq_bw(rq.dl.sums, se.bw);
    if (!se.inactive_timer.wanted && se.dl_runtime != 0)
      dl_release(rq, se); // blocked, and its 0-lag time has passed
  }
  se.non_contending = false;            // it may leave this rq while the timer runs
  if (p.is_queued()) queue_pull_dl(rq); // what is left here may be later than what waits elsewhere
}

void switched_to_dl(Rq& rq, Task& p) {
  dl_timer_disarm(p.dl.inactive_timer);
  if (!p.is_queued()) { // its next wake-up updates the rest
    take_wake_migration(p);
    return grub::add_rq_bw(rq.dl.sums, p.dl.bw);
  }
  if (&p == rq.donor) return;
  if (p.nr_cpus_allowed > 1 && rq.dl.overloaded) queue_push_dl(rq);
  if (in_dl_class(*rq.donor))
    wakeup_preempt_dl(rq, p);
  else
    resched_curr(rq);
}

void prio_changed_dl(Rq& rq, Task& p, u64 old_deadline) {
  if (!p.is_queued() || p.dl.deadline == old_deadline) return;
  if (dl_before(old_deadline, p.dl.deadline)) queue_pull_dl(rq);
  if (&p == rq.donor) {
    if (const DlEntity* first = rq.dl.queue.first(); first != nullptr && dl_earlier(*first, p.dl))
      resched_curr(rq);
  } else if (!in_dl_class(*rq.donor) || dl_earlier(p.dl, rq.donor->dl)) {
    resched_curr(rq);
  } else {
    queue_push_dl(rq); // it may beat what runs elsewhere
  }
}

void migrate_task_rq_dl(Task& p) {
  // A wake-up moves it: pi_lock is held, no rq lock. Otherwise both rq locks are, and enqueue and dequeue do
  // this.
  if (p.state.load(std::memory_order_relaxed) != kWaking) return;
  Rq& rq = task_rq(p);
  const RqLock guard(rq);
  if (p.dl.non_contending) {
    grub::sub_running_bw(rq.dl.sums, p.dl.bw);
    p.dl.non_contending = false;
    dl_timer_disarm(p.dl.inactive_timer);
  }
  grub::sub_rq_bw(rq.dl.sums, p.dl.bw);
}

} // namespace runnel::sched
