// SPDX-License-Identifier: Apache-2.0
// Balancing of fair tasks (spec 3.12): what the core and the fair class call.
#pragma once

#include <sched/rq.hpp>

namespace runnel::sched {

/// At the end of a tick, no lock held, interrupts off: balances this CPU's domains that are due, and sends an
/// idle CPU to balance for the tickless ones when there is too much to do here.
void balance_tick();
/// From the reschedule interrupt: does what a busy CPU asked this idle one for.
void balance_kicked();

/// The idle thread becomes, or stops being, what runs here.
void balance_enter_idle(Rq& rq) REQUIRES(rq.lock);
void balance_leave_idle(Rq& rq) REQUIRES(rq.lock);
/// A wake-up ended an idle stretch: how long they are says what newly-idle balancing may cost.
void balance_note_idle_end(Rq& rq) REQUIRES(rq.lock);

/// As before the first CPU came up: for a ground that begins anew. Nothing runs.
void balance_forget();

/// This CPU is about to idle: fetches a waiting fair task from a busier CPU. The lock is dropped meanwhile;
/// true: there is something to run now.
bool balance_newidle(Rq& rq) REQUIRES(rq.lock);

} // namespace runnel::sched
