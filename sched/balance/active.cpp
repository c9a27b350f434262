// SPDX-License-Identifier: Apache-2.0
// Active balancing (spec 3.12): the stopper takes the CPU from the running task, which then is a waiting one,
// and moves it.
#include "sched/balance/env.hpp"

#include <sched/sched_class.hpp>

namespace runnel::sched {
namespace {

/// The smallest domain of `cpu` with `other` in it.
SchedDomain* domain_with(CpuId cpu, CpuId other) {
  SchedDomain* sd = cpu_domains(cpu).lowest;
  while (sd != nullptr && !sd->span->test(other)) sd = sd->parent;
  return sd;
}

/// In the stopper of the CPU to be relieved. The task may have gone meanwhile; another one does as well.
void push_here(void* arg) NO_THREAD_SAFETY_ANALYSIS {
  Rq& src = *static_cast<Rq*>(arg);
  const port::IrqGuard irqs_off;
  rq_lock(src);
  update_rq_clock(src);
  const CpuId dst = src.balance.push_to;
  src.balance.active_balance = false;
  SchedDomain* sd = port::active_cpus().test(dst) ? domain_with(dst, src.cpu) : nullptr;
  if (sd == nullptr || src.fair.nr_runnable == 0 || port::this_cpu() != src.cpu) return rq_unlock(src);
  Attempt a(dst, *sd, Balancer::kIdle);
  a.src = &src;
  a.active = true;
  detach_one_task(a);
  sd->counts.active.add();
  (a.nr_moved != 0 ? sd->counts.active_pushed : sd->counts.active_failed).add();
  if (a.nr_moved != 0) sd->nr_balance_failed = 0;
  rq_unlock(src);
  attach_tasks(a);
}

} // namespace

bool push_running_task(Rq& src, CpuId dst) {
  src.lock.assert_held();
  if (src.balance.active_balance || src.stop == nullptr) return false;
  if (src.curr->sched_class != &fair_sched_class || !is_cpu_allowed(*src.curr, dst)) return false;
  src.balance.active_balance = true;
  src.balance.push_to = dst;
  if (stop_one_cpu_nowait(src, src.active_work, push_here, &src)) return true;
  src.balance.active_balance = false; // the CPU went down, and the task has left it
  return false;
}

} // namespace runnel::sched
