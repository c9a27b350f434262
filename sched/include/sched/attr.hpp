// SPDX-License-Identifier: Apache-2.0
// Scheduling attributes: the structure of sched_setattr and sched_getattr, with Linux's layout and numbers,
// and the calls on a task (spec 5.10). Copying to and from user memory, finding the task and the caller's
// rights belong to the system calls; everything else is here.
#pragma once

#include "kernel/lib/errno.hpp"
#include "kernel/lib/types.hpp"

#include <sched/task.hpp>

namespace runnel::sched {

inline constexpr u32 kSchedAttrSizeVer0 = 48;
inline constexpr u32 kSchedAttrSizeVer1 = 56;

/// struct sched_attr. Times in nanoseconds.
struct SchedAttr {
  u32 size = kSchedAttrSizeVer1;
  u32 policy = 0; // Policy
  u64 flags = 0;  // SchedFlag
  i32 nice = 0;
  u32 priority = 0; // 1..99 for FIFO and RR, else 0
  u64 runtime = 0;  // DEADLINE: dl_runtime; fair: custom slice, 0 the default
  u64 deadline = 0;
  u64 period = 0;
  u32 util_min = 0;
  u32 util_max = 0;
};
static_assert(sizeof(SchedAttr) == kSchedAttrSizeVer1);

enum SchedFlag : u64 {
  kSchedFlagResetOnFork = 0x1,
  // 0x2, 0x4: kSchedFlagReclaim, kSchedFlagDlOverrun, in dl_entity.hpp
  kSchedFlagKeepPolicy = 0x8,
  kSchedFlagKeepParams = 0x10,
  kSchedFlagUtilClampMin = 0x20,
  kSchedFlagUtilClampMax = 0x40,
  kSchedFlagInternal = 0x10000000, // refused from user
  kSchedFlagAll = 0x7f,
};

/// Flag of sched_getattr: a deadline task's runtime left and absolute deadline instead of its parameters.
inline constexpr u32 kSchedGetattrFlagDlDynamic = 1;
/// Or-ed into the policy of the old calls.
inline constexpr u32 kSchedResetOnFork = 0x40000000;

/// What the caller of sched_setattr may do (spec 5.10 "Permission"). The kernel itself may everything.
struct SchedRights {
  bool cap_sys_nice = true;
  bool same_owner = true;
  u32 rlimit_nice = 40;
  u32 rlimit_rtprio = 99;
};

/// Rows 9 to 18 of the table of checks, then the change. EINVAL, EPERM, EOPNOTSUPP, EACCES, EBUSY. A nice
/// value out of range is clamped. Preemption enabled, no spinlock held. Any task.
Result<> sched_setattr(Task& p, const SchedAttr& attr, const SchedRights& rights = {});

/// Rows 3 and 4: EINVAL for flags that the task's policy does not know. May charge the running task its time
/// so far.
Result<SchedAttr> sched_getattr(Task& p, u32 flags);

/// sched_setscheduler and sched_setparam: row 9 on with nice and custom slice kept. `policy` may hold
/// kSchedResetOnFork.
Result<> sched_setscheduler(Task& p, u32 policy, u32 priority, const SchedRights& rights = {});
Result<> sched_setparam(Task& p, u32 priority, const SchedRights& rights = {});

/// Largest and least priority of a policy: 99 and 1 for FIFO and RR, 0 and 0 for the others; EINVAL for an
/// unknown one.
Result<u32> sched_get_priority_max(u32 policy);
Result<u32> sched_get_priority_min(u32 policy);

/// What sched_rr_get_interval tells, in whole ticks.
Duration sched_rr_get_interval(Task& p);

/// setpriority's work on one task: nice -20..19 (clamped). EACCES when it would go down without the right.
Result<> set_user_nice(Task& p, i32 nice, const SchedRights& rights = {});

/// Checks without a task (row 9's part that needs none): policy, flags, priority, deadline parameters.
/// EINVAL.
Result<> check_sched_attr(const SchedAttr& attr);

} // namespace runnel::sched
