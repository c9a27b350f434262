// SPDX-License-Identifier: Apache-2.0
// Where a new task, or one that calls exec, goes: down the domains, in each to the group with the most room
// (spec 3.12 fork/exec).
#pragma once

#include <sched/rq.hpp>

namespace runnel::sched {

/// `flag`: kSdFork or kSdExec. `here`: this CPU. pi_lock held, interrupts off.
CpuId find_idlest_cpu(const Task& p, CpuId here, u32 flag);

} // namespace runnel::sched
