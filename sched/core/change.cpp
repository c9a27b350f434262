// SPDX-License-Identifier: Apache-2.0

// The change protocol: priority, policy, weight or affinity of a task that may be queued or running
// (spec 2.2).
#include <sched/sched_class.hpp>

namespace runnel::sched {

const SchedClass& class_of(Policy policy, i32 prio) {
  if (is_dl_prio(prio) || is_dl_policy(policy)) return dl_sched_class;
  if (is_rt_prio(prio)) return rt_sched_class;
  return fair_sched_class;
}

SchedChange::SchedChange(Rq& rq, Task& p, const SchedClass& next_class, u32 flags) NO_THREAD_SAFETY_ANALYSIS
    : rq_(rq),
      p_(p),
      prev_class_(p.sched_class),
      next_class_(&next_class),
      flags_(flags) {
  if (prev_class_ != next_class_) {
    flags_ |= kFlagClass;
    prev_class_->switching_from(rq, p); // a delayed task is really dequeued here
  }
  queued_ = p.is_queued();
  running_ = rq.donor == &p;
  if ((flags_ & kFlagClass) == 0) old_prio_ = prev_class_->get_prio(rq, p);
  if (queued_) prev_class_->dequeue_task(rq, p, flags_);
  if (running_) prev_class_->put_prev_task(rq, p, nullptr);
  if ((flags_ & kFlagClass) != 0) prev_class_->switched_from(rq, p);
}

SchedChange::~SchedChange() NO_THREAD_SAFETY_ANALYSIS {
  p_.sched_class = next_class_;
  if ((flags_ & kFlagClass) != 0) next_class_->switching_to(rq_, p_);
  if (queued_) next_class_->enqueue_task(rq_, p_, flags_);
  if (running_) {
    next_class_->set_next_task(rq_, p_, SetNext::kRestored);
    p_.exec_start = rq_clock_task(rq_);
  }
  if ((flags_ & kFlagClass) == 0) {
    next_class_->prio_changed(rq_, p_, old_prio_);
    return;
  }

  next_class_->switched_to(rq_, p_);
  if (!running_) return;
  if (next_class_->outranks(*prev_class_)) {
    // Promotion: what wakes up is compared against the higher class from now on.
    rq_.next_class->wakeup_preempt(rq_, p_, 0);
    rq_.next_class = next_class_;
  } else {
    resched_curr(rq_);
  }
}

} // namespace runnel::sched
