// SPDX-License-Identifier: Apache-2.0

// Priority inheritance as the rest of the scheduler uses it (spec 4.1). Implemented by sched/pi.
#pragma once

#include <sched/task.hpp>

namespace runnel::sched {

/// The priority `p` has with what its waiters lend it, `normal` being its own. pi_lock and rq lock of p.
i32 pi_effective_prio(const Task& p, i32 normal);
/// Whose deadline parameters `p` is to use at priority `prio`: a waiter's, or its own. pi_lock and rq lock of
/// p.
DlEntity* pi_lender(Task& p, i32 prio);
/// p's own priority changed: whoever it waits for may have to be lent more or less. No lock held.
void pi_adjust_chain(Task& p);

} // namespace runnel::sched
