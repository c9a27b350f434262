// SPDX-License-Identifier: Apache-2.0
// Where a realtime task goes (spec 4 RT5, RT6).
#include "sched/rt/rt.hpp"

#include <sched/sched_class.hpp>

namespace runnel::sched {
namespace {

/// One of `mask` that shares the last-level cache with `cpu`; kMaxCpus: none.
CpuId near(const CpuMask& mask, CpuId cpu) {
  for (const CpuId other : mask)
    if (cpus_share_cache(cpu, other)) return other;
  return {kMaxCpus};
}

} // namespace

bool find_lowest_rq(Task& p, i32 prio, CpuId* lowest) {
  if (!can_move(p)) return false;
  CpuMask found;
  if (!task_rq(p).rd->cpupri.find(PriLevel::of_prio(prio), p.cpus_mask & port::active_cpus(), &found))
    return false;
  const CpuId last = p.task_cpu(); // its cache may still be warm
  const CpuId here = port::this_cpu();
  if (found.test(last)) {
    *lowest = last;
  } else if (found.test(here) && cpus_share_cache(last, here)) {
    *lowest = here;
  } else if (const CpuId other = near(found, last); other.value < kMaxCpus) {
    *lowest = other;
  } else {
    *lowest = found.test(here) ? here : found.lowest();
  }
  return true;
}

CpuId select_task_rq_rt(Task& p, CpuId cpu, u32 wake_flags) {
  if ((wake_flags & (kWakeTtwu | kWakeFork)) == 0) return cpu;
  Rq& rq = cpu_rq(cpu);
  const port::RcuReadGuard keeps_tasks_allocated;
  const Task* curr = peek(rq.curr);
  const Task* donor = peek(rq.donor);
  // RT5: the wakee stays, and whom it preempts is pushed, unless that one cannot be moved or the wakee would
  // be the one to wait.
  if (curr == nullptr || donor == nullptr || !is_rt_prio(donor->prio)) return cpu;
  if (can_move(*curr) && donor->prio > p.prio) return cpu;
  CpuId target;
  if (find_lowest_rq(p, p.prio, &target) && p.prio < cpu_rq(target).rt.highest_prio()) return target;
  return cpu;
}

} // namespace runnel::sched
