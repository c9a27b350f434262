// SPDX-License-Identifier: Apache-2.0
// An idle CPU under the same cache as `target` for a task that wakes up (spec 3.12 idle search).
#pragma once

#include <sched/rq.hpp>

namespace runnel::sched {

/// Nothing runs there and nothing is about to; for tasks other than SCHED_IDLE ones also: only such tasks do.
bool is_free_for(const Task& p, CpuId cpu);

/// pi_lock held, interrupts off. `target` itself when nothing is found.
CpuId select_idle_cpu(Task& p, CpuId prev, CpuId target);

} // namespace runnel::sched
