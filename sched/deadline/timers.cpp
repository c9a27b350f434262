// SPDX-License-Identifier: Apache-2.0
// The deadline class's timers: end of a throttled time (K7 to K10), 0-lag time (spec 5.6), end of the
// runtime.
//
// A timer's function takes the locks first, so it may come late: cancelled, armed for a later time, its task
// on another CPU or in another class. `wanted` and `due`, kept under the rq lock, tell it.
#include "sched/core/hrtick.hpp"
#include "sched/deadline/deadline.hpp"

namespace runnel::sched {
namespace {

void get(DlTimer& timer) {
  if (!timer.owner.is_server()) port::get_task(dl_task_of(timer.owner));
}
void put(DlTimer& timer) {
  if (!timer.owner.is_server()) port::put_task(dl_task_of(timer.owner));
}

/// K10: the rq of the throttled `p` is offline: p, which is off the queue, goes elsewhere with its accounts
/// and is enqueued there. pi_lock held.
void replenish_elsewhere(Rq& rq, Task& p) NO_THREAD_SAFETY_ANALYSIS {
  Rq* to = find_lock_later_rq(p, rq);
  if (to == nullptr) {
    CpuMask allowed = *p.cpus_ptr & port::active_cpus();
    if (allowed.empty()) allowed = port::active_cpus(); // it runs anywhere rather than never
    to = &cpu_rq(allowed.lowest());
    double_lock_balance(rq, *to);
  }
  update_rq_clock(rq);
  update_rq_clock(*to);
  dl_count(rq, p.dl, Counted::kNot);
  dl_count(*to, p.dl, Counted::kRunning);
  set_task_cpu(p, to->cpu); // L7: both locks
  enqueue_task_dl(*to, p, kEnqueueReplenish);
  wakeup_preempt(*to, p, 0);
  double_unlock_balance(rq, *to);
}

/// pi_lock held. May drop the lock.
void replenish_task(Rq& rq, Task& p) REQUIRES(rq.lock) {
  update_rq_clock(rq);
  if (!dl_timer_taken(p.dl.replenish_timer, rq_clock(rq))) return;
  if (!in_dl_class(p) || p.dl.is_boosted() || !p.dl.throttled) return; // K9
  if (!p.is_queued()) { // K8: it throttled itself on its way to sleep; its wake-up does the rest
    cbs::replenish(p.dl, rq_clock(rq).ns);
    trace_dl(trace::EventType::kDlReplenish, p.dl);
    return;
  }
  // Throttled, it may yet execute here for another donor, or be the donor another one executes for (spec 6).
  const bool in_use = p.is_on_cpu() || rq.donor == &p;
  // One that must stay keeps its CPU up until it has done what it is there for (spec 1.17).
  const bool may_leave = !in_use && p.migration_disabled == 0;
  if (may_leave && !port::active_cpus().test(rq.cpu)) return replenish_elsewhere(rq, p);
  enqueue_task_dl(rq, p, kEnqueueReplenish);
  wakeup_preempt(rq, p, 0);
  if (!rq.dl.pushable.empty()) push_dl_tasks(rq);
}

/// pi_lock held.
void become_inactive(Rq& rq, Task& p) REQUIRES(rq.lock) {
  update_rq_clock(rq);
  DlEntity& se = p.dl;
  if (!dl_timer_taken(se.inactive_timer, rq_clock(rq))) return;
  const bool dead = (p.state.load(std::memory_order_relaxed) & kDead) != 0;
  if (se.non_contending && in_dl_class(p)) {
    se.non_contending = false;
    dl_count(rq, se, dead ? Counted::kNot : Counted::kInactive);
  }
  if (dead || !is_dl_policy(p.policy)) dl_release(rq, se);
}

void server_inactive(DlEntity& se) {
  Rq& rq = *se.server.rq;
  const RqLock guard(rq);
  update_rq_clock(rq);
  if (!dl_timer_taken(se.inactive_timer, rq_clock(rq)) || !se.non_contending) return;
  se.non_contending = false;
  dl_count(rq, se, Counted::kInactive);
}

} // namespace

void dl_timer_arm(DlTimer& timer, Instant due) {
  timer.wanted = true;
  const bool moved = timer.due != due;
  timer.due = due;
  if (!timer.pending) {
    get(timer);
  } else if (!moved || !port::timer_cancel(timer)) {
    return; // queued for that very time, or its function is at the lock and will find `due`
  }
  timer.pending = true;
  port::timer_start(timer, due);
}

void dl_timer_disarm(DlTimer& timer) {
  timer.wanted = false;
  if (!timer.pending || !port::timer_cancel(timer)) return;
  timer.pending = false;
  put(timer); // not the last one: the caller works on the task
}

bool dl_timer_taken(DlTimer& timer, Instant now) {
  timer.pending = false;
  if (!timer.wanted) return false;
  if (now.is_before(timer.due)) {
    dl_timer_arm(timer, timer.due); // it was put off while this function waited for the lock
    return false;
  }
  timer.wanted = false;
  return true;
}

bool dl_wait_for_period(Rq& rq, DlEntity& se) {
  // The rq clock is that of the timers (spec 1.12, ours), only perhaps a little behind: nothing to convert.
  const Instant due{cbs::next_period(se)};
  if (due.is_before(rq_clock(rq))) return false;
  dl_timer_arm(se.replenish_timer, due);
  return true;
}

void dl_replenish_fired(port::Timer& timer) NO_THREAD_SAFETY_ANALYSIS {
  DlTimer& self = static_cast<DlTimer&>(timer);
  if (self.owner.is_server()) return dl_server_timer(self);
  Task& p = dl_task_of(self.owner);
  {
    const port::IrqLockGuard pi(p.pi_lock);
    TaskRqLock locked(p);
    replenish_task(locked.rq(), p);
  }
  port::put_task(p);
}

void dl_inactive_fired(port::Timer& timer) NO_THREAD_SAFETY_ANALYSIS {
  DlTimer& self = static_cast<DlTimer&>(timer);
  if (self.owner.is_server()) return server_inactive(self.owner);
  Task& p = dl_task_of(self.owner);
  {
    const port::IrqLockGuard pi(p.pi_lock);
    TaskRqLock locked(p);
    become_inactive(locked.rq(), p);
  }
  port::put_task(p);
}

void dl_hrtick_start(Rq& rq, const DlEntity& se) {
  if (features.hrtick_dl && se.runtime > 0) hrtick_start(rq, rq.dl.hrtick, Duration{se.runtime});
}

void dl_hrtick_stop(Rq& rq) { hrtick_stop(rq.dl.hrtick); }

void dl_hrtick_fired(port::Timer& timer) {
  Hrtick& self = static_cast<Hrtick&>(timer);
  Rq& rq = *self.rq;
  const RqLock guard(rq);
  update_rq_clock(rq);
  if (!hrtick_taken(self, rq_clock(rq))) return;
  Task& donor = *rq.donor;
  if (in_dl_class(donor)) return donor.sched_class->task_tick(rq, donor, Tick::kHrtick);
  if (donor.dl_server == nullptr) return; // it was meant for somebody else
  donor.sched_class->update_curr(rq);
  if (donor.dl_server->is_queued()) dl_hrtick_start(rq, *donor.dl_server);
}

} // namespace runnel::sched
