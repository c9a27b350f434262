// SPDX-License-Identifier: Apache-2.0
// What a class does in the hooks it leaves out.
#include <sched/sched_class.hpp>

namespace runnel::sched {

void SchedClass::yield_task(Rq&) const {}
void SchedClass::wakeup_preempt(Rq&, Task&, u32) const {}
bool SchedClass::balance(Rq&, Task&) const { return false; }
void SchedClass::put_prev_task(Rq&, Task&) const {}
void SchedClass::set_next_task(Rq&, Task&) const {}
void SchedClass::task_tick(Rq&, Task&) const {}

void SchedClass::update_curr(Rq& rq) const {
  Task& p = *rq.curr;
  p.stats.sum_exec_runtime += rq.clock_task - p.exec_start;
  p.exec_start = rq.clock_task;
}

} // namespace runnel::sched
