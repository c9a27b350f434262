// SPDX-License-Identifier: Apache-2.0
// Sending the task that runs on a CPU to another one.
#include "sched/core/push_current.hpp"

#include <sched/sched_class.hpp>

namespace runnel::sched {
namespace {

/// In the stopper, which took the CPU from `p`: it is queued and not running now, unless it left meanwhile.
void push_stopped_task(void* arg) NO_THREAD_SAFETY_ANALYSIS {
  Task& p = *static_cast<Task*>(arg);
  Rq& rq = this_rq();
  {
    const port::IrqLockGuard pi(p.pi_lock);
    rq_lock(rq);
    if (&task_rq(p) == &rq && p.is_queued() && p.migration_disabled == 0) {
      if (Rq* target = p.sched_class->find_lock_rq(p, rq)) {
        update_rq_clock(rq);
        update_rq_clock(*target);
        move_queued_task(rq, *target, p);
        resched_curr(*target);
        double_unlock_balance(rq, *target);
      }
    }
    rq.push_busy = false;
    rq_unlock(rq);
  }
  port::put_task(p);
}

} // namespace

void push_current_away(Rq& rq) {
  Task& p = *rq.curr;
  if (rq.push_busy || p.nr_cpus_allowed == 1 || p.migration_disabled != 0) return;
  rq.push_busy = true;
  port::get_task(p); // put by push_stopped_task
  if (stop_one_cpu_nowait(rq, rq.push_work, push_stopped_task, &p)) return;
  rq.push_busy = false; // the CPU went down, and the task has left it
  port::put_task(p);
}

} // namespace runnel::sched
