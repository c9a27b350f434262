// SPDX-License-Identifier: Apache-2.0
// Runqueues: the array, their locks, what goes on and off them.
#include <sched/rq.hpp>
#include <sched/sched.hpp>
#include <sched/sched_class.hpp>

namespace runnel::sched {
namespace {

constinit Rq runqueues[kMaxCpus];

void set_nr_running(Rq& rq, u32 n) REQUIRES(rq.lock) {
  rq.nr_running = n;
  rq.nr_running_hint.store(n, std::memory_order_relaxed);
}

} // namespace

Rq& cpu_rq(CpuId cpu) { return runqueues[cpu.value]; }

bool cpu_is_idle(CpuId cpu) {
  const Rq& rq = cpu_rq(cpu);
  return rq.curr == rq.idle && rq.nr_running_hint.load(std::memory_order_relaxed) == 0 &&
         rq.ttwu_pending.load(std::memory_order_relaxed) == 0;
}

void update_rq_clock(Rq& rq) {
  const Instant now = port::clock();
  if (now.is_after(rq.clock_task)) rq.clock_task = now;
}

void activate_task(Rq& rq, Task& p, u32 flags) {
  p.sched_class->enqueue_task(rq, p, flags);
  set_nr_running(rq, rq.nr_running + 1);
  p.on_rq.store(OnRq::kQueued, std::memory_order_relaxed);
}

void deactivate_task(Rq& rq, Task& p, u32 flags) {
  // Before the dequeue: B3 wants on_rq to fall only under a lock that was taken after on_cpu was set.
  p.on_rq.store((flags & kFlagMigrating) != 0 ? OnRq::kMigrating : OnRq::kNo, std::memory_order_relaxed);
  set_nr_running(rq, rq.nr_running - 1);
  p.sched_class->dequeue_task(rq, p, flags);
}

void wakeup_preempt(Rq& rq, Task& p, u32 flags) {
  if (p.sched_class == rq.next_class) {
    p.sched_class->wakeup_preempt(rq, p, flags);
  } else if (p.sched_class->outranks(*rq.next_class)) {
    resched_curr(rq);
    rq.next_class = p.sched_class;
  }
}

void set_task_cpu(Task& p, CpuId cpu) {
  const CpuId old = p.task_cpu();
  if (old == cpu) return;
  ++p.stats.nr_migrations;
  if (port::trace_enabled()) port::trace(trace::EventType::kSchedMigrateTask, p.pid, old.value, cpu.value);
  // B6: on_rq == kMigrating is visible before the new cpu; pairs with the acquire in TaskRqLock.
  p.cpu.store(cpu.value, std::memory_order_release);
  p.wake_cpu = cpu.value;
}

void move_queued_task(Rq& from, Rq& to, Task& p) {
  deactivate_task(from, p, kFlagMigrating);
  set_task_cpu(p, to.cpu);
  activate_task(to, p, kFlagMigrating);
}

DoubleRqLock::DoubleRqLock(Rq& a, Rq& b) NO_THREAD_SAFETY_ANALYSIS : a_(a.cpu < b.cpu ? a : b),
                                                                     b_(a.cpu < b.cpu ? b : a) {
  port::preempt_disable();
  a_.lock.lock();
  b_.lock.lock_nested();
}

DoubleRqLock::~DoubleRqLock() NO_THREAD_SAFETY_ANALYSIS {
  b_.lock.unlock();
  a_.lock.unlock();
  port::preempt_enable_no_resched();
}

TaskRqLock::TaskRqLock(Task& p) NO_THREAD_SAFETY_ANALYSIS {
  port::preempt_disable();
  for (;;) {
    const CpuId cpu{p.cpu.load(std::memory_order_acquire)}; // B6: pairs with the release in set_task_cpu
    rq_ = &cpu_rq(cpu);
    rq_->lock.lock();
    if (p.task_cpu() == cpu && p.on_rq.load(std::memory_order_relaxed) != OnRq::kMigrating) return;
    rq_->lock.unlock();
    while (p.on_rq.load(std::memory_order_relaxed) == OnRq::kMigrating) port::relax();
  }
}

TaskRqLock::~TaskRqLock() NO_THREAD_SAFETY_ANALYSIS {
  rq_->lock.unlock();
  port::preempt_enable_no_resched();
}

Duration task_runtime(Task& p) {
  const port::IrqLockGuard pi(p.pi_lock);
  TaskRqLock locked(p);
  Rq& rq = locked.rq();
  rq.lock.assert_held();
  if (rq.curr == &p) {
    update_rq_clock(rq);
    p.sched_class->update_curr(rq);
  }
  return p.stats.sum_exec_runtime;
}

CpuStats cpu_stats(CpuId cpu) {
  Rq& rq = cpu_rq(cpu);
  const port::IrqLockGuard guard(rq.lock);
  update_rq_clock(rq);
  Duration idle = rq.idle_time;
  if (rq.curr == rq.idle) idle += rq.clock_task - rq.idle_since;
  return {rq.nr_switches, rq.nr_running, idle, rq.curr != nullptr ? rq.curr->pid : 0};
}

} // namespace runnel::sched
