// SPDX-License-Identifier: Apache-2.0

// What sched_setattr needs of the fair class (spec 3.1, 3.2). Implemented by sched/fair.
#pragma once

#include <sched/rq.hpp>

namespace runnel::sched {

/// The task's request (slice) in ns: custom or default. pi_lock or rq lock.
u64 fair_slice(const Task& p);
/// Sets a custom slice, clamped to 0.1 ms..100 ms; 0 restores the default. Inside a SchedChange.
void fair_set_slice(Rq& rq, Task& p, u64 slice_ns) REQUIRES(rq.lock);
/// Weight by nice or the IDLE policy, after p.static_prio or p.policy changed. Inside a SchedChange, or for a
/// new task.
void fair_set_weight(Task& p);
/// A new child asks for the slice its parent asks for. Neither runs.
void fair_inherit_slice(Task& child, const Task& parent);

} // namespace runnel::sched
