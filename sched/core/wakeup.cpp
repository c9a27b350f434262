// SPDX-License-Identifier: Apache-2.0
// Waking a task: here, or through the wake list of the CPU it goes to (spec 1.5, 1.6).
#include "sched/balance/balance.hpp"
#include "sched/core/affinity.hpp"
#include "sched/core/schedule.hpp"
#include "sched/pi/proxy_move.hpp"

#include <sched/proxy.hpp>
#include <sched/sched.hpp>
#include <sched/sched_class.hpp>

namespace runnel::sched {

CpuId select_task_rq(Task& p, CpuId prev_cpu, u32& wake_flags) {
  CpuId cpu;
  if (p.nr_cpus_allowed > 1 && p.migration_disabled == 0) {
    cpu = p.sched_class->select_task_rq(p, prev_cpu, wake_flags);
    wake_flags |= kWakeRqSelected;
  } else {
    cpu = p.cpus_ptr->lowest();
    if (p.is_per_cpu) return cpu; // it serves a CPU that goes down until the very end, and no other
  }
  return is_cpu_allowed(p, cpu) ? cpu : select_fallback_rq(p, cpu);
}

namespace {

void trace_wakeup(trace::EventType type, const Task& p, CpuId target) {
  if (port::trace_enabled()) port::trace(type, p.pid, trace::pack_prio(target.value, p.prio), 0);
}

/// The task is on `rq` and may run; publishes kRunning last, so that a waker that sees it also sees it
/// queued.
void ttwu_do_activate(Rq& rq, Task& p, u32 wake_flags) REQUIRES(rq.lock) {
  u32 flags = kEnqueueWakeup | kFlagNoclock;
  if ((wake_flags & kWakeMigrated) != 0) flags |= kEnqueueMigrated;
  if ((wake_flags & kWakeRqSelected) != 0) flags |= kEnqueueRqSelected;
  ++p.stats.nr_wakeups;
  p.stats.last_wakeup = rq_clock(rq);
  activate_task(rq, p, flags);
  wakeup_preempt(rq, p, wake_flags);
  p.state.store(kRunning, std::memory_order_relaxed);
  trace_wakeup(trace::EventType::kSchedWakeup, p, rq.cpu);
  p.sched_class->task_woken(rq, p);
  balance_note_idle_end(rq);
}

/// The task went to sleep but is still on its rq: schedule() not reached, its dequeue is delayed, or it lends
/// its context to the owner of a mutex.
enum class OnQueue { kNo, kYes, kTakenOff };

OnQueue wake_on_queue(Task& p, u32 wake_flags) {
  TaskRqLock locked(p);
  Rq& rq = locked.rq();
  rq.lock.assert_held();
  if (!p.is_queued()) return OnQueue::kNo;
  update_rq_clock(rq);
  if (!p.is_on_cpu() && p.stats.wait_start.ns == 0) p.stats.wait_start = rq_clock(rq);
  if (p.sched_delayed) p.sched_class->enqueue_task(rq, p, kFlagNoclock | kFlagDelayed);
  if (task_is_blocked(p) && take_off_to_return(rq, p)) return OnQueue::kTakenOff;
  if (&p == rq.donor && &p != rq.curr)
    resched_curr(rq); // its own: who executes for it need not any more
  else if (!p.is_on_cpu())
    wakeup_preempt(rq, p, wake_flags);
  p.state.store(kRunning, std::memory_order_relaxed);
  trace_wakeup(trace::EventType::kSchedWakeup, p, rq.cpu);
  return OnQueue::kYes;
}

bool ttwu_runnable(Task& p, u32 wake_flags) {
  const OnQueue found = wake_on_queue(p, wake_flags);
  if (found != OnQueue::kTakenOff) return found == OnQueue::kYes;
  p.state.store(kRunning,
                std::memory_order_relaxed); // pi_lock: no other waker may have it until it is queued
  place_returned(p);
  trace_wakeup(trace::EventType::kSchedWakeup, p, p.task_cpu());
  return true;
}

/// B8: true when `cpu`'s idle loop polls and has been told; then no IPI is needed.
bool set_need_resched_if_polling(CpuId cpu) {
  // The push onto the wake list before the look at the flag: a compare-exchange alone does not order that on
  // aarch64. Pairs with the full barrier in the idle loop, which clears kPolling and then looks at the list.
  port::full_barrier();
  std::atomic<u32>& flags = cpu_rq(cpu).idle->thread.flags;
  u32 old = flags.load(std::memory_order_relaxed);
  do {
    if ((old & kPolling) == 0) return false;
    if ((old & kNeedResched) != 0) return true;
  } while (!flags.compare_exchange_weak(old, old | kNeedResched)); // each turn another CPU got in: progress
  return true;
}

/// Hands `p` to `cpu`, which activates it itself: no foreign rq lock is touched. B9: full-ordered exchange;
/// the IPI goes out only when the list was empty, because whoever made it non-empty has sent one.
void ttwu_queue_wakelist(Task& p, CpuId cpu, u32 wake_flags) {
  Rq& rq = cpu_rq(cpu);
  p.wake_list_flags = wake_flags & (kWakeMigrated | kWakeRqSelected);
  rq.ttwu_pending.fetch_add(1, std::memory_order_relaxed);
  Task* head = rq.wake_list.load(std::memory_order_relaxed);
  do {
    p.wake_entry = head;
  } while (
      !rq.wake_list.compare_exchange_weak(head, &p)); // each turn another CPU got in: progress, not a wait
  if (head != nullptr) return;
  if (!set_need_resched_if_polling(cpu))
    port::send_reschedule(cpu);
  else if (port::trace_enabled())
    port::trace(trace::EventType::kSchedWakeIdleWithoutIpi, 0, cpu.value, 0);
}

/// Spec 1.6: is the wake list the way to `cpu`?
bool ttwu_queue_cond(const Task& p, CpuId cpu) {
  if (!features.ttwu_queue || p.sched_class == &stop_sched_class) return false;
  if (!port::active_cpus().test(cpu) || !p.cpus_ptr->test(cpu)) return false;
  const CpuId here = port::this_cpu();
  if (!cpus_share_cache(here, cpu)) return true;
  return cpu != here && cpu_rq(cpu).nr_running_hint.load(std::memory_order_relaxed) == 0;
}

void ttwu_queue(Task& p, CpuId cpu, u32 wake_flags) {
  if (ttwu_queue_cond(p, cpu)) return ttwu_queue_wakelist(p, cpu, wake_flags);
  Rq& rq = cpu_rq(cpu);
  const RqLock guard(rq);
  update_rq_clock(rq);
  ttwu_do_activate(rq, p, wake_flags);
}

/// A wake-up for `cpu`, by this CPU. Interrupts off.
void count_wake(CpuId cpu) {
  const CpuId here = port::this_cpu();
  RqCounts& counts = this_rq().counts;
  counts.wakes.add();
  if (cpu == here) return counts.local_wakes.add();
  SchedDomain* sd = cpu_domains(here).lowest;
  while (sd != nullptr && !sd->span->test(cpu)) sd = sd->parent;
  if (sd != nullptr) sd->counts.wakes_remote.add();
}

void wake_current(Task& p) {
  const port::IrqGuard irqs_off;
  count_wake(port::this_cpu());
  trace_wakeup(trace::EventType::kSchedWaking, p, p.task_cpu());
  p.state.store(kRunning, std::memory_order_relaxed);
  trace_wakeup(trace::EventType::kSchedWakeup, p, p.task_cpu());
}

} // namespace

bool try_to_wake_up(Task& p, u32 state_mask, u32 wake_flags) {
  wake_flags |= kWakeTtwu;
  const port::PreemptGuard no_preempt;
  if (&p == &current()) {
    if ((p.state.load(std::memory_order_relaxed) & state_mask) == 0) return false;
    wake_current(p);
    return true;
  }

  const port::IrqLockGuard pi(p.pi_lock);
  port::full_barrier(); // B1: the caller's stores before the load of state; pairs with set_current_state
  if ((p.state.load(std::memory_order_relaxed) & state_mask) == 0) return false;
  trace_wakeup(trace::EventType::kSchedWaking, p, p.task_cpu());

  std::atomic_thread_fence(std::memory_order_acquire); // B2: state before on_rq
  if (p.on_rq.load(std::memory_order_relaxed) != OnRq::kNo && ttwu_runnable(p, wake_flags)) {
    count_wake(p.task_cpu());
    return true;
  }

  std::atomic_thread_fence(std::memory_order_acquire); // B3: on_rq == kNo before on_cpu
  p.state.store(kWaking, std::memory_order_relaxed);
  proxy_returns(p);

  // Still leaving its CPU: that CPU activates it as soon as it is out, without anyone spinning (spec 1.5 step
  // 5).
  const CpuId prev_cpu = p.task_cpu();
  if (p.on_cpu.load(std::memory_order_acquire) != 0 && prev_cpu != port::this_cpu() &&
      ttwu_queue_cond(p, prev_cpu)) {
    count_wake(prev_cpu);
    ttwu_queue_wakelist(p, prev_cpu, wake_flags); // B5: on_cpu before cpu
    return true;
  }
  while (p.on_cpu.load(std::memory_order_acquire) != 0) port::relax(); // B4: pairs with finish_task_switch

  const CpuId cpu = select_task_rq(p, {p.wake_cpu}, wake_flags);
  if (cpu != prev_cpu) {
    wake_flags |= kWakeMigrated;
    set_task_cpu(p, cpu);
  }
  count_wake(cpu);
  ttwu_queue(p, cpu, wake_flags);
  return true;
}

void wake_up_new_task(Task& p) {
  const port::PreemptGuard no_preempt;
  const port::IrqLockGuard pi(p.pi_lock);
  p.state.store(kRunning, std::memory_order_relaxed);
  u32 wake_flags = kWakeFork;
  const CpuId cpu = select_task_rq(p, p.task_cpu(), wake_flags);
  p.cpu.store(cpu.value, std::memory_order_relaxed); // it has never run: not a migration
  p.wake_cpu = cpu.value;
  p.rseq_event.ids_changed = 1; // a fork's child shows its parent's ids until it runs
  Rq& rq = cpu_rq(cpu);
  const RqLock guard(rq);
  update_rq_clock(rq);
  p.stats.last_wakeup = rq_clock(rq);
  activate_task(rq, p, kFlagNoclock | kEnqueueInitial);
  trace_wakeup(trace::EventType::kSchedWakeupNew, p, cpu);
  wakeup_preempt(rq, p, wake_flags);
  p.sched_class->task_woken(rq, p);
}

void reschedule_interrupt() {
  balance_kicked();
  Rq& rq = this_rq();
  if (rq.wake_list.load(std::memory_order_relaxed) == nullptr) return;
  Task* list = rq.wake_list.exchange(nullptr); // B9: full-ordered; pairs with the push
  Task* in_order = nullptr;                    // the stack has the newest first; activate the oldest first
  while (list != nullptr) {
    Task* next = list->wake_entry;
    list->wake_entry = in_order;
    in_order = list;
    list = next;
  }
  const RqLock guard(rq);
  update_rq_clock(rq);
  u32 activated = 0;
  while (in_order != nullptr) {
    Task& p = *in_order;
    in_order = p.wake_entry;
    p.wake_entry = nullptr;
    // Either it was asleep when it was queued, or it was leaving this very CPU, which has interrupts off
    // until it has left (B4).
    port::assert_(p.on_cpu.load(std::memory_order_acquire) == 0);
    ttwu_do_activate(rq, p, p.wake_list_flags);
    ++activated;
  }
  // Only now: whoever sees 0 must also see the enqueue, else the CPU would look idle in between (spec 1.6).
  rq.ttwu_pending.fetch_sub(activated, std::memory_order_release);
}

} // namespace runnel::sched
