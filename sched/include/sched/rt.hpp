// SPDX-License-Identifier: Apache-2.0
// The realtime class as the rest of the scheduler and its callers use it (spec 4).
#pragma once

#include <sched/rq.hpp>

namespace runnel::sched {

/// Publishes the level of rq's CPU for push decisions: deadline when deadline tasks are runnable there, else
/// its best realtime task's. The deadline class calls it when the first task comes or the last one goes.
void publish_prio_level(Rq& rq) REQUIRES(rq.lock);

/// sched_rr_timeslice_ms (RT3). Zero or less restores the default. Counts from the next reload of a task's
/// slice.
void set_rr_timeslice(Duration slice);
Duration rr_timeslice();

/// Called at a tick of a realtime task, with how long it ran since it last slept (RT10): whoever knows of
/// RLIMIT_RTTIME compares. Interrupts off, rq lock held. nullptr: nobody.
using RtTimeHook = void (*)(Task& p, Duration ran);
void set_rt_time_hook(RtTimeHook hook);

} // namespace runnel::sched
