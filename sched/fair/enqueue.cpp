// SPDX-License-Identifier: Apache-2.0
// The fair class: tasks come and go, some of them late (spec 3.7, 3.8).
#include "sched/balance/load.hpp"
#include "sched/fair/fair.hpp"
#include "sched/fair/server_hooks.hpp"
#include "sched/fair/weights.hpp"

#include <sched/sched.hpp>

namespace runnel::sched {
namespace {

void count_idle_policy(Rq& rq, const Task& p, u32 change) REQUIRES(rq.lock) {
  if (p.policy != Policy::kIdle) return;
  std::atomic<u32>& count = rq.fair.nr_idle_policy;
  count.store(count.load(std::memory_order_relaxed) + change, std::memory_order_relaxed);
}

} // namespace

void FairClass::enqueue_task(Rq& rq, Task& p, u32 flags) const {
  const eevdf::Rules rules = fair_rules();
  EevdfQueue& q = rq.fair.eevdf;
  if ((flags & kFlagDelayed) != 0) {
    update_curr(rq);
    eevdf::undelay(q, p.se, rules);
    p.sched_delayed = false;
    ++rq.fair.nr_runnable;
    load_changed(rq);
    fair_hrtick_update(rq);
    return;
  }

  // Nice and policy change while a task is off the queue; its weight follows here.
  eevdf::reweight(q, p.se, weight_of(p.policy, p.static_prio));
  const auto how = (flags & kEnqueueInitial) != 0 ? eevdf::Join::kNew : eevdf::Join::kAgain;
  if (q.curr == &p.se) { // it must have a place before it can be charged
    eevdf::place(q, p.se, how, rules);
    update_curr(rq);
    eevdf::enter(q, p.se);
  } else {
    update_curr(rq);
    eevdf::join(q, p.se, how, rules);
  }
  rq.fair.tasks.push_back(p.se);
  if (!p.sched_delayed) ++rq.fair.nr_runnable;
  count_idle_policy(rq, p, 1);
  add_nr_running(rq, 1);
  if (rq.fair.nr_queued++ == 0) fair_server_start(rq);
  load_enqueued(rq, p, flags);
  fair_hrtick_update(rq);
}

bool FairClass::dequeue_task(Rq& rq, Task& p, u32 flags) const {
  const eevdf::Rules rules = fair_rules();
  EevdfQueue& q = rq.fair.eevdf;
  update_curr(rq);

  const bool sleeps = (flags & kDequeueSleep) != 0;
  // Tasks in special states must not see the spurious wake-up that a delayed one may get.
  const bool may_delay = sleeps && (flags & (kFlagDelayed | kDequeueSpecial | kDequeueThrottle)) == 0;
  port::assert_(!(may_delay && p.sched_delayed));
  if (may_delay && features.delay_dequeue && !eevdf::is_eligible(q, p.se)) {
    eevdf::delay(q, p.se, rules);
    p.sched_delayed = true;
    --rq.fair.nr_runnable;
    load_changed(rq);
    return false;
  }

  eevdf::leave(q, p.se, sleeps ? eevdf::Leave::kSleeping : eevdf::Leave::kMoving, rules);
  rq.fair.tasks.erase(p.se);
  --rq.fair.nr_queued;
  count_idle_policy(rq, p, ~0u);
  if (!p.sched_delayed) --rq.fair.nr_runnable;
  load_dequeued(rq, p, flags);
  if (p.sched_delayed && sleeps) {
    finish_delayed_dequeue(rq, p); // last: p may be gone
    return true;
  }
  sub_nr_running(rq, 1);
  return true;
}

/// Another class knows nothing of delayed tasks: it blocks now.
void FairClass::switching_from(Rq& rq, Task& p) const {
  if (p.sched_delayed) dequeue_task(rq, p, kDequeueSleep | kFlagDelayed | kFlagNoclock);
}

void FairClass::task_fork(Task& p) const {
  const FairEntity& parent = current().se;
  const bool keeps = parent.custom_slice && !current().reset_on_fork;
  eevdf::set_custom_slice(p.se, keeps ? parent.slice : 0, fair_rules());
  p.se.vruntime = p.se.deadline = p.se.vprot = 0;
  p.se.vlag = 0;
  p.se.rel_deadline = false;
}

void FairClass::task_dead(Task& p) const {
  const port::IrqLockGuard pi(p.pi_lock);
  TaskRqLock locked(p);
  Rq& rq = locked.rq();
  rq.lock.assert_held();
  if (!p.sched_delayed) return;
  update_rq_clock(rq);
  dequeue_task(rq, p, kDequeueSleep | kFlagDelayed | kFlagNoclock);
}

} // namespace runnel::sched
