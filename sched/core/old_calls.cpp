// SPDX-License-Identifier: Apache-2.0

// sched_setscheduler and sched_setparam in terms of sched_setattr (spec 5.10 "Old calls").
#include <sched/attr.hpp>
#include <sched/fair_params.hpp>

namespace runnel::sched {
namespace {

/// Nice and custom slice are kept.
SchedAttr kept_attr(Task& p, u32 policy, u32 priority) {
  const port::IrqLockGuard pi(p.pi_lock);
  SchedAttr attr;
  attr.policy = policy;
  attr.priority = priority;
  attr.nice = p.nice();
  if (p.se.custom_slice) attr.runtime = fair_slice(p);
  return attr;
}

} // namespace

Result<> sched_setscheduler(Task& p, u32 policy, u32 priority, const SchedRights& rights) {
  if (static_cast<i32>(policy) < 0) return err(Errno::kINVAL);
  SchedAttr attr = kept_attr(p, policy & ~kSchedResetOnFork, priority);
  if ((policy & kSchedResetOnFork) != 0) attr.flags |= kSchedFlagResetOnFork;
  return sched_setattr(p, attr, rights);
}

Result<> sched_setparam(Task& p, u32 priority, const SchedRights& rights) {
  SchedAttr attr = kept_attr(p, 0, priority);
  attr.flags |= kSchedFlagKeepPolicy;
  if (p.reset_on_fork) attr.flags |= kSchedFlagResetOnFork;
  return sched_setattr(p, attr, rights);
}

} // namespace runnel::sched
