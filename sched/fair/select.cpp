// SPDX-License-Identifier: Apache-2.0
// The fair class: a CPU for a task that wakes up or is new (spec 3.12; the plain form).
#include "sched/fair/fair.hpp"

namespace runnel::sched {
namespace {

u32 load_of(CpuId cpu) {
  const Rq& rq = cpu_rq(cpu);
  return rq.nr_running_hint.load(std::memory_order_relaxed) + rq.ttwu_pending.load(std::memory_order_relaxed);
}

} // namespace

/// Where it was if that is idle, else any idle CPU, else where it was unless another has fewer to serve.
CpuId FairClass::select_task_rq(Task& p, CpuId prev_cpu, u32 wake_flags) const {
  const CpuMask allowed = *p.cpus_ptr & port::active_cpus();
  if (allowed.empty()) return prev_cpu;
  const bool fork = (wake_flags & kWakeFork) != 0;
  if (!fork && allowed.test(prev_cpu) && cpu_is_idle(prev_cpu)) return prev_cpu;
  CpuId best = allowed.test(prev_cpu) ? prev_cpu : allowed.lowest();
  u32 best_load = load_of(best);
  for (const CpuId cpu : allowed) {
    if (cpu_is_idle(cpu)) return cpu;
    if (const u32 load = load_of(cpu); load + 1 < best_load || (fork && load < best_load)) {
      best = cpu;
      best_load = load;
    }
  }
  return best;
}

} // namespace runnel::sched
