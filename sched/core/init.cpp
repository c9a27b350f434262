// SPDX-License-Identifier: Apache-2.0
// Runqueues and tasks before their first use.
#include <sched/sched.hpp>
#include <sched/sched_class.hpp>

namespace runnel::sched {

void sched_init_cpu(CpuId cpu, Task& idle) {
  Rq& rq = cpu_rq(cpu);
  const port::IrqLockGuard guard(rq.lock);
  rq.cpu = cpu;
  idle.thread.preempt_count =
      kPreemptOne; // for ever: an interrupt does not preempt it, the idle loop looks itself
  idle.sched_class = &idle_sched_class;
  idle.cpus_mask = CpuMask::of(cpu);
  idle.cpu.store(cpu.value, std::memory_order_relaxed);
  idle.on_cpu.store(1, std::memory_order_relaxed);
  idle.state.store(kRunning, std::memory_order_relaxed);
  rq.idle = rq.curr = &idle;
  rq.next_class = &idle_sched_class;
  update_rq_clock(rq);
  rq.idle_since = idle.exec_start = rq.clock_task;
}

void sched_init_task(Task& p, CpuMask cpus) {
  p.thread.preempt_count = 2; // as schedule() leaves it: one for itself, one for the rq lock (spec 1.8)
  p.sched_class = &rr_sched_class;
  p.cpus_mask = cpus;
  const CpuId cpu = port::this_cpu();
  p.cpu.store(cpu.value, std::memory_order_relaxed);
  p.wake_cpu = cpu.value;
  p.state.store(kNew, std::memory_order_relaxed);
}

} // namespace runnel::sched
