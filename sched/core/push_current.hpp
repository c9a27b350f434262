// SPDX-License-Identifier: Apache-2.0
// Sending the task that runs on a CPU to another one, through the stopper (spec 4 RT6, 5.4).
#pragma once

#include <sched/rq.hpp>

namespace runnel::sched {

/// Asks rq's stopper to send its executing task to where the task's class finds a place for it
/// (SchedClass::find_lock_rq). One request an rq at a time; nothing happens when that task may not move.
/// Does not wait. Drops the lock.
void push_current_away(Rq& rq) REQUIRES(rq.lock);

} // namespace runnel::sched
