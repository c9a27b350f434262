// SPDX-License-Identifier: Apache-2.0

// Runqueues and tasks before their first use.
#include <memory>
#include <sched/deadline.hpp>
#include <sched/sched.hpp>
#include <sched/sched_class.hpp>

namespace runnel::sched {

void sched_init_cpu(CpuId cpu, Task& idle) {
  Rq& rq = *std::construct_at(&cpu_rq(cpu));
  const RqLock guard(rq);
  rq.cpu = cpu;
  rq.rd = &root_domain();
  const u64 seed = port::random_seed() * 0x9e3779b97f4a7c15 + cpu.value;
  rq.avg_idle = rq.balance.max_newidle_cost * 2;
  rq.random = static_cast<u32>(seed >> 32) | 1;
  rq.clock = rq.clock_task = port::clock();
  rq.irq_time_seen = port::irq_time(cpu);
  idle.thread.preempt_count =
      kPreemptOne; // for ever: an interrupt does not preempt it, the idle loop looks itself
  idle.sched_class = &idle_sched_class;
  idle.cpus_mask = CpuMask::of(cpu);
  idle.nr_cpus_allowed = 1;
  idle.is_per_cpu = true;
  idle.cpu.store(cpu.value, std::memory_order_relaxed);
  idle.on_cpu.store(1, std::memory_order_relaxed);
  idle.on_rq.store(OnRq::kQueued, std::memory_order_relaxed);
  idle.state.store(kRunning, std::memory_order_relaxed);
  rq.idle = rq.curr = rq.donor = &idle;
  rq.next_class = &idle_sched_class;
  update_rq_clock(rq);
  dl_init_rq(rq);
  rq.counted_since = rq.idle_since = idle.exec_start = rq.clock_task;
}

void sched_init_task(Task& p, const CpuMask& cpus) {
  p.thread.preempt_count = 2; // as schedule() leaves it: one for itself, one for the rq lock (spec 1.8)
  p.sched_class = &fair_sched_class;
  p.cpus_mask = cpus;
  p.cpus_ptr = &p.cpus_mask;
  p.nr_cpus_allowed = cpus.count();
  const CpuId cpu = port::this_cpu();
  p.cpu.store(cpu.value, std::memory_order_relaxed);
  p.wake_cpu = cpu.value;
  p.state.store(kNew, std::memory_order_relaxed);
}

} // namespace runnel::sched
