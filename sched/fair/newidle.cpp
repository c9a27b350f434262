// SPDX-License-Identifier: Apache-2.0
// The fair class: a CPU that is about to idle fetches work (spec 3.12; the plain form).
#include "sched/fair/fair.hpp"

#include <sched/proxy.hpp>

namespace runnel::sched {
namespace {

Rq* busiest_rq(CpuId here) {
  Rq* busiest = nullptr;
  u32 most = 1;
  for (const CpuId cpu : port::active_cpus()) {
    const u32 load = cpu_rq(cpu).nr_running_hint.load(std::memory_order_relaxed);
    if (cpu == here || load <= most) continue;
    busiest = &cpu_rq(cpu);
    most = load;
  }
  return busiest;
}

Task* first_movable(Rq& from, const Rq& to) REQUIRES(from.lock) {
  for (FairEntity& se : from.fair.tasks) {
    Task& p = task_of(se);
    if (&p == from.donor || p.sched_delayed || p.is_on_cpu() || p.migration_disabled != 0) continue;
    if (task_is_blocked(p)) continue; // it goes where the owner is (spec 6)
    if (is_cpu_allowed(p, to.cpu)) return &p;
  }
  return nullptr;
}

/// Delayed tasks are none.
bool has_work(const Rq& rq) REQUIRES(rq.lock) {
  return rq.nr_running != rq.fair.nr_queued - rq.fair.nr_runnable;
}

} // namespace

/// Pulls one waiting task from the CPU with most of them. The lock is dropped and both are taken in order
/// (L3).
bool FairClass::balance(Rq& rq, Task&) const NO_THREAD_SAFETY_ANALYSIS {
  if (has_work(rq)) return true;
  Rq* busiest = busiest_rq(rq.cpu);
  if (busiest == nullptr) return false;
  double_lock_balance(rq, *busiest);
  Task* p = busiest->fair.nr_runnable > 1 ? first_movable(*busiest, rq) : nullptr;
  if (p != nullptr && !has_work(rq)) {
    update_rq_clock(*busiest);
    update_rq_clock(rq);
    move_queued_task(*busiest, rq, *p);
  }
  double_unlock_balance(rq, *busiest);
  update_rq_clock(rq);
  return has_work(rq);
}

} // namespace runnel::sched
