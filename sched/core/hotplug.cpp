// SPDX-License-Identifier: Apache-2.0

// A CPU begins and ends to take part in scheduling (spec 1.20).
#include "sched/core/affinity.hpp"

#include <sched/dl_admission.hpp>
#include <sched/sched.hpp>
#include <sched/sched_class.hpp>

namespace runnel::sched {
namespace {

bool is_drained(const Rq& rq) REQUIRES(rq.lock) {
  return rq.curr == rq.idle && rq.nr_running == 0 && rq.nr_pinned.load(std::memory_order_relaxed) == 0 &&
         rq.ttwu_pending.load(std::memory_order_relaxed) == 0;
}

/// In the stopper of the dying CPU, with a reference to `task`: it is queued here now; it goes to any other
/// CPU.
void push_away(void* task) NO_THREAD_SAFETY_ANALYSIS {
  Task& p = *static_cast<Task*>(task);
  {
    const port::IrqLockGuard pi(p.pi_lock);
    const CpuId here = port::this_cpu();
    if (p.task_cpu() == here && p.migration_disabled == 0 && p.is_queued()) {
      Rq& from = cpu_rq(here);
      Rq& to = cpu_rq(select_fallback_rq(p, here));
      const DoubleRqLock both(from, to);
      if (&from != &to && p.task_cpu() == here && p.is_queued()) {
        update_rq_clock(from);
        update_rq_clock(to);
        move_queued_task(from, to, p);
        wakeup_preempt(to, p, 0);
      }
    }
  }
  port::put_task(p);
}

/// At the end of every schedule() of a dying CPU. Tasks that must stay finish first: the stopper, and whoever
/// has disabled migration.
void push_current(Rq& rq) NO_THREAD_SAFETY_ANALYSIS {
  Task& p = *rq.curr;
  if (!p.is_per_cpu && p.migration_disabled == 0) {
    if (rq.hotplug_work.queued.load(std::memory_order_acquire) != 0) return; // the stopper is about to run
    port::get_task(p);
    const bool queued = stop_one_cpu_nowait(rq, rq.hotplug_work, push_away, &p);
    return port::assert_(queued); // it leaves in its stopper, and now runs this
  }
  if (!is_drained(rq)) return;
  if (Task* waiter = rq.hotplug_waiter; waiter != nullptr) {
    rq.hotplug_waiter = nullptr;
    const u32 clock_flags = rq.clock_flags;
    rq.lock.unlock(); // pi_lock comes before it (L1)
    wake_up_process(*waiter);
    rq.lock.lock();
    rq.clock_flags = clock_flags;
  }
}

void set_online(Rq& rq) REQUIRES(rq.lock) {
  if (rq.online) return;
  rq.rd->online.set(rq.cpu);
  rq.online = true;
  for (const SchedClass* cls : sched_classes()) cls->rq_online(rq);
}

void set_offline(Rq& rq) REQUIRES(rq.lock) {
  if (!rq.online) return;
  for (const SchedClass* cls : sched_classes()) cls->rq_offline(rq);
  rq.rd->online.clear(rq.cpu);
  rq.online = false;
}

} // namespace

void sched_cpu_activate(CpuId cpu) {
  Rq& rq = cpu_rq(cpu);
  {
    const RqLock guard(rq);
    rq.balance_push = false;
  }
  port::set_cpu_active(cpu);
  const RqLock guard(rq);
  update_rq_clock(rq);
  set_online(rq);
}

Result<> sched_cpu_deactivate(CpuId cpu) {
  if (!dl_may_lose_cpu(cpu)) return err(Errno::kBUSY);
  Rq& rq = cpu_rq(cpu);
  port::set_cpu_inactive(cpu);
  {
    const RqLock guard(rq);
    rq.push_everything.fn = push_current;
    rq.balance_push = true;
    resched_curr(rq);
  }
  // Whoever chose this CPU before it looked at the two words above has queued its task by the end of this.
  port::synchronize();
  const RqLock guard(rq);
  update_rq_clock(rq);
  set_offline(rq);
  return {};
}

void sched_cpu_wait_empty(CpuId cpu) {
  Rq& rq = cpu_rq(cpu);
  for (;;) {
    set_current_state(kUninterruptible);
    {
      const RqLock guard(rq);
      if (is_drained(rq)) break;
      rq.hotplug_waiter = &current();
    }
    schedule();
  }
  current().state.store(kRunning, std::memory_order_relaxed);
  const RqLock guard(rq);
  rq.hotplug_waiter = nullptr;
}

} // namespace runnel::sched
