// SPDX-License-Identifier: Apache-2.0

// Who may change which attribute (spec 5.10 "Permission").
#include "sched/core/attr_rights.hpp"

namespace runnel::sched {
namespace {

bool nice_limit_permits(i32 nice, const SchedRights& rights) {
  return static_cast<u32>(kMaxNice + 1 - nice) <= rights.rlimit_nice;
}

bool may_without_cap(const Task& p, const SchedAttr& attr, const SchedRights& rights) {
  const auto policy = static_cast<Policy>(attr.policy);
  if (is_fair_policy(policy) && attr.nice < p.nice() && !nice_limit_permits(attr.nice, rights)) return false;
  if (is_rt_policy(policy)) {
    if (policy != p.policy && rights.rlimit_rtprio == 0) return false;
    if (attr.priority > p.rt_priority && attr.priority > rights.rlimit_rtprio) return false;
  }
  if (is_dl_policy(policy)) return false;
  if (p.policy == Policy::kIdle && policy != Policy::kIdle && !nice_limit_permits(p.nice(), rights))
    return false;
  if (!rights.same_owner) return false;
  return !p.reset_on_fork || (attr.flags & kSchedFlagResetOnFork) != 0;
}

} // namespace

bool may_set_nice(const Task& p, i32 nice, const SchedRights& rights) {
  return nice >= p.nice() || rights.cap_sys_nice || nice_limit_permits(nice, rights);
}

Result<> check_sched_rights(const Task& p, const SchedAttr& attr, const SchedRights& rights) {
  if (!rights.cap_sys_nice && !may_without_cap(p, attr, rights)) return err(Errno::kPERM);
  return {};
}

} // namespace runnel::sched
