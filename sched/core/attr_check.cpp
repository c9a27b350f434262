// SPDX-License-Identifier: Apache-2.0

// Which attributes are possible at all (spec 5.10 row 9, 5.2).
#include <sched/attr.hpp>
#include <sched/dl_admission.hpp>

namespace runnel::sched {
namespace {

bool policy_known(u32 policy) {
  return policy <= static_cast<u32>(Policy::kBatch) ||
         (policy >= static_cast<u32>(Policy::kIdle) && policy <= static_cast<u32>(Policy::kDeadline));
}

} // namespace

Result<> check_sched_attr(const SchedAttr& attr) {
  if (!policy_known(attr.policy)) return err(Errno::kINVAL);
  if ((attr.flags & ~(kSchedFlagAll | kSchedFlagInternal)) != 0) return err(Errno::kINVAL);
  const auto policy = static_cast<Policy>(attr.policy);
  if (attr.priority >= static_cast<u32>(kMaxRtPrio)) return err(Errno::kINVAL);
  if (is_dl_policy(policy) && !dl_params_valid({attr.runtime, attr.deadline, attr.period, attr.flags}))
    return err(Errno::kINVAL);
  if (is_rt_policy(policy) != (attr.priority != 0)) return err(Errno::kINVAL);
  return {};
}

Result<u32> sched_get_priority_max(u32 policy) {
  if (!policy_known(policy) && policy != static_cast<u32>(Policy::kExt)) return err(Errno::kINVAL);
  return is_rt_policy(static_cast<Policy>(policy)) ? static_cast<u32>(kMaxRtPrio - 1) : 0u;
}

Result<u32> sched_get_priority_min(u32 policy) {
  if (!policy_known(policy) && policy != static_cast<u32>(Policy::kExt)) return err(Errno::kINVAL);
  return is_rt_policy(static_cast<Policy>(policy)) ? 1u : 0u;
}

} // namespace runnel::sched
