// SPDX-License-Identifier: Apache-2.0
// Changing where a task may run (spec 1.16).
#include <sched/sched.hpp>
#include <sched/sched_class.hpp>

namespace runnel::sched {
namespace {

/// In the stopper of the CPU the task was on when its mask changed: it is not running now, so it can be moved
/// as queued. It may have left meanwhile, or its mask may have changed again; then there is nothing to do.
void push_from_here(void* arg) NO_THREAD_SAFETY_ANALYSIS {
  Task& p = *static_cast<Task*>(arg);
  {
    const port::IrqGuard irqs_off;
    reschedule_interrupt(); // a waking task on this CPU's list must be enqueued to be found (spec 1.15)
  }
  const port::IrqLockGuard pi(p.pi_lock);
  const CpuId here = port::this_cpu();
  const CpuMask allowed = p.cpus_mask & port::active_cpus();
  if (p.task_cpu() != here || allowed.test(here) || allowed.empty()) return;
  Rq& from = cpu_rq(here);
  Rq& to = cpu_rq(allowed.lowest());
  const DoubleRqLock both(from, to);
  if (p.on_rq.load(std::memory_order_relaxed) != OnRq::kQueued || p.task_cpu() != here) return;
  update_rq_clock(from);
  update_rq_clock(to);
  move_queued_task(from, to, p);
  wakeup_preempt(to, p, 0);
}

} // namespace

Result<> set_cpus_allowed(Task& p, CpuMask mask) {
  if ((mask & port::active_cpus()).empty()) return err(Errno::kINVAL);
  CpuId cpu;
  {
    const port::IrqLockGuard pi(p.pi_lock);
    TaskRqLock locked(p);
    p.cpus_mask = mask;
    cpu = p.task_cpu();
    const bool on_its_way = p.on_rq.load(std::memory_order_relaxed) != OnRq::kNo ||
                            p.state.load(std::memory_order_relaxed) == kWaking;
    // A5: a blocked task is placed by its waker, which looks at the new mask.
    if (mask.test(cpu) || !on_its_way) return {};
  }
  stop_one_cpu(cpu, push_from_here, &p);
  return {};
}

} // namespace runnel::sched
