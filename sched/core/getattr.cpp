// SPDX-License-Identifier: Apache-2.0

// sched_getattr and what else reads a task's attributes (spec 5.10).
#include <sched/attr.hpp>
#include <sched/dl_admission.hpp>
#include <sched/fair_params.hpp>
#include <sched/sched_class.hpp>

namespace runnel::sched {

Result<SchedAttr> sched_getattr(Task& p, u32 flags) {
  const port::IrqLockGuard pi(p.pi_lock);
  if (flags != 0 && (!is_dl_policy(p.policy) || flags != kSchedGetattrFlagDlDynamic))
    return err(Errno::kINVAL);
  SchedAttr attr;
  attr.policy = static_cast<u32>(p.policy);
  if (p.reset_on_fork) attr.flags |= kSchedFlagResetOnFork;
  if (is_dl_policy(p.policy)) {
    const DlParams params = dl_get_params(p);
    attr.priority = p.rt_priority;
    attr.runtime = params.runtime;
    attr.deadline = params.deadline;
    attr.period = params.period;
    attr.flags |= params.flags;
    if (flags == kSchedGetattrFlagDlDynamic) {
      const DlDynamic now = dl_query_dynamic(p);
      attr.runtime = static_cast<u64>(now.runtime); // signed inside: negative after an overrun
      attr.deadline = now.deadline.ns;
    }
  } else if (is_rt_policy(p.policy)) {
    attr.priority = p.rt_priority;
  } else {
    attr.nice = p.nice();
    attr.runtime = fair_slice(p);
  }
  return attr;
}

Duration sched_rr_get_interval(Task& p) NO_THREAD_SAFETY_ANALYSIS {
  const port::IrqLockGuard pi(p.pi_lock);
  TaskRqLock locked(p);
  update_rq_clock(locked.rq());
  return p.sched_class->get_rr_interval(locked.rq(), p);
}

} // namespace runnel::sched
