// SPDX-License-Identifier: Apache-2.0
#include "sched/pi/proxy_move.hpp"

#include "sched/core/schedule.hpp"
#include "sched/pi/pi.hpp"

#include <sched/proxy.hpp>
#include <sched/sched_class.hpp>

namespace runnel::sched {
namespace {

/// Takes `p` off its queue to place it anew. False: somebody else was faster.
bool take_off(Rq& rq, Task& p) NO_THREAD_SAFETY_ANALYSIS {
  TaskRqLock locked(p);
  if (&locked.rq() != &rq || !p.is_queued() || p.is_on_cpu() || rq.donor == &p) return false;
  if (!task_is_blocked(p)) return false;
  update_rq_clock(rq);
  deactivate_task(rq, p, kFlagMigrating | kFlagNoclock);
  return true;
}

} // namespace

void make_idle_the_donor(Rq& rq) {
  rq.dl_server = nullptr;
  put_prev_set_next_task(rq, *rq.donor, *rq.idle);
  rq.next_class = rq.idle->sched_class;
}

void move_donor(Rq& rq, Task& p, CpuId cpu) {
  make_idle_the_donor(rq);
  deactivate_task(rq, p, kFlagMigrating | kFlagNoclock);
  const u32 wake_cpu = p.wake_cpu;
  set_task_cpu(p, cpu);
  p.wake_cpu = wake_cpu;
  zap_balance_callbacks(rq);
  rq_unlock(rq);
  {
    Rq& target = cpu_rq(cpu);
    const RqLock guard(target);
    update_rq_clock(target);
    activate_task(target, p, kFlagMigrating | kFlagNoclock);
    wakeup_preempt(target, p, 0);
  }
  rq_lock(rq);
  update_rq_clock(rq);
}

void return_donor(Rq& rq, Task& p) {
  make_idle_the_donor(rq);
  zap_balance_callbacks(rq);
  port::get_task(p);
  rq_unlock(rq);
  {
    const port::IrqLockGuard pi(p.pi_lock);
    if (take_off(rq, p)) place_returned(p);
  }
  port::put_task(p);
  rq_lock(rq);
  update_rq_clock(rq);
}

bool block_donor(Rq& rq, Task& donor) {
  if (donor.state.load(std::memory_order_relaxed) == kRunning) return false;
  make_idle_the_donor(rq);
  deactivate_task(rq, donor, kDequeueSleep | kFlagNoclock); // from here on its waker may have it
  return true;
}

bool take_off_to_return(Rq& rq, Task& p) {
  if (features.proxy_level != ProxyLevel::kWakeReturn) return false;
  if (p.pi.blocked_on.load(std::memory_order_relaxed) != kProxyWaking) return false;
  // Its CPU itself decides: it is leaving schedule(), or somebody executes on its account.
  if (p.is_on_cpu() || rq.donor == &p) return false;
  deactivate_task(rq, p, kFlagMigrating | kFlagNoclock);
  return true;
}

void place_returned(Task& p) {
  u32 wake_flags = kWakeTtwu;
  const CpuId cpu = select_task_rq(p, {p.wake_cpu}, wake_flags);
  set_task_cpu(p, cpu);
  set_blocked_on(p, nullptr);
  Rq& target = cpu_rq(cpu);
  const RqLock guard(target);
  update_rq_clock(target);
  activate_task(target, p, kFlagMigrating | kFlagNoclock);
  wakeup_preempt(target, p, wake_flags);
  p.sched_class->task_woken(target, p); // it may have to wait there while another CPU is free
}

} // namespace runnel::sched
