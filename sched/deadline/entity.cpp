// SPDX-License-Identifier: Apache-2.0
// A deadline task's way into and out of the queue: wake-up, throttling, replenishment (spec 5.3).
#include "sched/deadline/deadline.hpp"

namespace runnel::sched {
namespace {

/// Once is enough: a machine that lags lags often.
constinit std::atomic<bool> lag_was_noticed{false};

void replenish(Rq& rq, Task& p) REQUIRES(rq.lock) {
  const auto result = cbs::replenish(p.dl, rq_clock(rq).ns);
  if (result == cbs::Replenished::kLagging && !lag_was_noticed.exchange(true, std::memory_order_relaxed))
    port::notice(p, "its deadline had passed when its runtime was replenished");
  trace_dl(trace::EventType::kDlReplenish, p.dl);
}

/// K6. `p` is queued.
void throttle(Rq& rq, Task& p) REQUIRES(rq.lock) {
  DlEntity& se = p.dl;
  se.throttled = true;
  if ((se.borrows ? se.own_runtime : se.runtime) <= 0 && (se.flags & kSchedFlagDlOverrun) != 0)
    se.overrun = true;
  trace_dl(trace::EventType::kDlThrottle, se);
  dl_remove(rq, se);
  dequeue_pushable_dl(rq, p);
  if (se.is_boosted() || !dl_wait_for_period(rq, se)) enqueue_task_dl(rq, p, kEnqueueReplenish);
  // It may go on at once, but with a later deadline than others have, here or elsewhere.
  if (!dl_is_first(rq, se) || rq.dl.wants_pull) resched_curr(rq);
}

/// K5: what running for `delta` costs. Capacity and frequency are 1 on virtual hardware.
i64 scaled(const Rq& rq, const DlEntity& se, Duration delta) {
  if ((se.flags & kSchedFlagReclaim) == 0) return delta.ns;
  return static_cast<i64>(grub::charge(static_cast<u64>(delta.ns), se.bw, rq.dl.sums, dl_grub_limits(rq)));
}

/// Spec 5.9, when `p` is about to be queued: begins an instance with the parameters it is lent, or goes back
/// to its own.
void follow_boost(Task& p, u32 flags, u64 now) {
  DlEntity& se = p.dl;
  if (!se.is_boosted()) {
    if (se.borrows) cbs::give_back(se);
    return;
  }
  constexpr u32 kOtherLender = kFlagSave | kEnqueueReplenish;
  if (se.borrows && (flags & kOtherLender) != kOtherLender) return;
  cbs::borrow(se, now);
  // Nobody is made later by what he is lent.
  if (is_dl_policy(p.policy) && se.own_runtime > 0 && dl_before(se.own_deadline, se.deadline))
    se.deadline = se.own_deadline;
}

} // namespace

void trace_dl(trace::EventType type, DlEntity& se) {
  if (!port::trace_enabled()) return;
  constexpr u32 kServerOfThisCpu = u32{1} << 31;
  port::trace(type, se.is_server() ? kServerOfThisCpu : dl_task_of(se).pid, static_cast<u64>(se.runtime),
              se.deadline);
}

void update_curr_dl(Rq& rq) {
  Task& p = *rq.donor;
  if (!in_dl_class(p)) return;
  const Duration delta = update_curr_common(rq);
  // Also while it is throttled and on its way out: it is paid back at the replenishment.
  if (delta.ns > 0) {
    const i64 charged = scaled(rq, p.dl, delta);
    p.dl.runtime -= charged;
    if (p.dl.borrows && is_dl_policy(p.policy)) p.dl.own_runtime -= charged;
  }
  if (p.dl.is_queued() && (p.dl.runtime <= 0 || p.dl.yielded)) throttle(rq, p);
}

void enqueue_task_dl(Rq& rq, Task& p, u32 flags) {
  DlEntity& se = p.dl;
  if (se.is_boosted()) {
    if (se.throttled) { // a boost overrides the throttle (spec 5.7)
      dl_timer_disarm(se.replenish_timer);
      se.throttled = false;
    }
  } else if (!is_dl_prio(p.normal_prio)) {
    se.throttled = false; // on its way back to its own class (spec 5.9)
    return;
  }
  if (p.on_rq.load(std::memory_order_relaxed) == OnRq::kMigrating) flags |= kFlagMigrating;

  const u64 now = rq_clock(rq).ns;
  follow_boost(p, flags, now);
  if (!se.throttled && !se.is_boosted() && cbs::must_wait_for_period(se, now) &&
      dl_wait_for_period(rq, se)) { // K4
    se.throttled = true;
    if (se.runtime > 0) se.runtime = 0;
  }
  if ((flags & (kFlagSave | kFlagMigrating)) != 0) dl_count(rq, se, Counted::kRunning);
  const bool wakes = (flags & (kEnqueueWakeup | kEnqueueInitial)) != 0;
  // Active although throttled: that depends on whether it wants to run, not on whether it may (spec 5.6).
  if (wakes) dl_contending(rq, se);
  // What it had used up when it left the class it has not got back by returning to it.
  if ((flags & kFlagClass) != 0 && !se.is_boosted() && se.runtime <= 0 && !dl_before(se.deadline, now))
    se.throttled = true;
  if (se.throttled && (flags & kEnqueueReplenish) == 0) {
    // Its timer brings it back. None may be running if it fired while the task was in another class (K9).
    if (se.replenish_timer.wanted || dl_wait_for_period(rq, se)) return;
    flags |= kEnqueueReplenish;
  }

  if ((flags & kEnqueueReplenish) != 0) {
    replenish(rq, p);
  } else if (wakes) {
    if (cbs::wake(se, now) != cbs::WakeRule::kKept) trace_dl(trace::EventType::kDlReplenish, se);
  } else if ((flags & kFlagMove) != 0 && !se.is_boosted() && dl_before(se.deadline, now)) {
    cbs::new_period(se, now); // it comes from another class
    trace_dl(trace::EventType::kDlReplenish, se);
  }
  dl_insert(rq, se);
  if (&p != rq.donor && p.nr_cpus_allowed > 1) enqueue_pushable_dl(rq, p);
}

void dequeue_task_dl(Rq& rq, Task& p, u32 flags) {
  if (&p == rq.donor) update_curr_dl(rq);
  if (p.on_rq.load(std::memory_order_relaxed) == OnRq::kMigrating) flags |= kFlagMigrating;
  dl_remove(rq, p.dl);
  dequeue_pushable_dl(rq, p);
  if ((flags & (kFlagSave | kFlagMigrating)) != 0) dl_count(rq, p.dl, Counted::kNot);
  if ((flags & kDequeueSleep) != 0) dl_non_contending(rq, p.dl);
}

} // namespace runnel::sched
