// SPDX-License-Identifier: Apache-2.0

// The periodic tick (spec 1.13).
#include "sched/balance/balance.hpp"

#include <sched/sched.hpp>
#include <sched/sched_class.hpp>

namespace runnel::sched {

void scheduler_tick() {
  Rq& rq = this_rq();
  {
    const RqLock guard(rq);
    update_rq_clock(rq);
    if ((rq.curr->thread.flags.load(std::memory_order_relaxed) & kNeedReschedLazy) != 0)
      resched_curr(rq); // N2
    rq.donor->sched_class->task_tick(rq, *rq.donor, Tick::kPeriodic);
  }
  balance_tick();
}

} // namespace runnel::sched
