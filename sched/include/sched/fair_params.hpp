// SPDX-License-Identifier: Apache-2.0
// What sched_setattr needs of the fair class (spec 3.1). Weights follow nice and policy when a task is
// enqueued.
#pragma once

#include <sched/rq.hpp>

namespace runnel::sched {

/// The task's request (slice) in ns: custom or default. pi_lock or rq lock.
u64 fair_slice(const Task& p);
/// Sets a custom slice, clamped to 0.1 ms..100 ms; 0 restores the default. Inside a SchedChange.
void fair_set_slice(Task& p, u64 slice_ns);

} // namespace runnel::sched
