// SPDX-License-Identifier: Apache-2.0
// What is left of a deadline task's instance at this moment (spec 5.10, SCHED_GETATTR_FLAG_DL_DYNAMIC).
#include "sched/deadline/deadline.hpp"

#include <sched/dl_admission.hpp>

namespace runnel::sched {

DlDynamic dl_query_dynamic(Task& p) NO_THREAD_SAFETY_ANALYSIS {
  TaskRqLock locked(p); // L5: the reference does not look again whether the task is still there
  Rq& rq = locked.rq();
  update_rq_clock(rq);
  // The deadline is one of the rq clock; told in the clock of user space. The two are read one after the
  // other with nothing between them: what accounting costs, a throttle with its timer above all, would
  // move the answer by as much.
  const Duration ahead = port::clock() - rq_clock(rq);
  if (rq.donor == &p) p.sched_class->update_curr(rq); // who is charged, be it that another executes for it
  return {p.dl.runtime, Instant{p.dl.deadline} + ahead};
}

} // namespace runnel::sched
