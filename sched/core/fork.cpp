// SPDX-License-Identifier: Apache-2.0

// What a new task takes over from the one that makes it (spec 1.19).
#include <sched/sched.hpp>
#include <sched/sched_class.hpp>

namespace runnel::sched {

Result<> sched_fork(Task& child) {
  const Task& parent = current();
  child.policy = parent.policy;
  child.static_prio = parent.static_prio;
  child.rt_priority = parent.rt_priority;
  child.normal_prio = parent.normal_prio;
  if (parent.reset_on_fork) {
    if (is_dl_policy(child.policy) || is_rt_policy(child.policy)) {
      child.policy = Policy::kNormal;
      child.static_prio = kDefaultPrio;
      child.rt_priority = 0;
    } else if (child.static_prio < kDefaultPrio) {
      child.static_prio = kDefaultPrio;
    }
    child.normal_prio = child.static_prio;
  } else if (is_dl_policy(parent.policy)) {
    return err(Errno::kAGAIN);
  }
  child.prio = child.normal_prio; // without what was lent to the parent
  child.sched_class = &class_of(child.policy, child.prio);
  child.sched_class->task_fork(child);
  return {};
}

} // namespace runnel::sched
