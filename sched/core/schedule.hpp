// SPDX-License-Identifier: Apache-2.0
// Parts of schedule() and of a wake-up that proxy execution needs as well.
#pragma once

#include <sched/rq.hpp>

namespace runnel::sched {

/// The scheduling context moves from the donor `prev` to `next`.
void put_prev_set_next_task(Rq& rq, Task& prev, Task& next) REQUIRES(rq.lock);

/// Spec 1.5 step 7: a CPU for `p`, asked of its class, checked. pi_lock of p, no rq lock.
CpuId select_task_rq(Task& p, CpuId prev_cpu, u32& wake_flags);

} // namespace runnel::sched
