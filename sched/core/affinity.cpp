// SPDX-License-Identifier: Apache-2.0

// Where a task may run, and changing it (spec 1.16).
#include "sched/core/affinity.hpp"

#include <sched/dl_admission.hpp>
#include <sched/proxy.hpp>
#include <sched/sched.hpp>
#include <sched/sched_class.hpp>

namespace runnel::sched {

bool is_cpu_allowed(const Task& p, CpuId cpu) {
  if (!p.cpus_ptr->test(cpu)) return false;
  if (p.migration_disabled != 0) return port::online_cpus().test(cpu);
  if (!p.is_kthread) return port::active_cpus().test(cpu);
  if (p.is_per_cpu) return port::online_cpus().test(cpu);
  return port::online_cpus().test(cpu) && !cpu_rq(cpu).balance_push;
}

CpuId any_cpu(const CpuMask& mask) {
  u32 n = rq_random(this_rq()) % mask.count();
  for (const CpuId cpu : mask)
    if (n-- == 0) return cpu;
  __builtin_unreachable();
}

CpuId select_fallback_rq(Task& p, CpuId) {
  for (;;) {
    for (const CpuId cpu : *p.cpus_ptr)
      if (is_cpu_allowed(p, cpu)) return cpu;
    // Nothing left of what was asked for: widen.
    port::assert_(p.cpus_mask != port::possible_cpus());
    p.cpus_mask = port::possible_cpus();
    p.nr_cpus_allowed = p.cpus_mask.count();
    port::notice(p, "no longer affine: none of its CPUs is up");
  }
}

void push_from_here(void* arg) NO_THREAD_SAFETY_ANALYSIS {
  Task& p = *static_cast<Task*>(arg);
  {
    const port::IrqGuard irqs_off;
    reschedule_interrupt(); // a waking task on this CPU's list must be enqueued to be found (spec 1.15)
  }
  const port::IrqLockGuard pi(p.pi_lock);
  const CpuId here = port::this_cpu();
  if (p.task_cpu() != here || is_cpu_allowed(p, here) || p.migration_disabled != 0) return;
  const CpuId target = select_fallback_rq(p, here);
  Rq& from = cpu_rq(here);
  Rq& to = cpu_rq(target);
  {
    const DoubleRqLock both(from, to);
    if (!p.is_queued() || p.task_cpu() != here) return;
    update_rq_clock(from);
    update_rq_clock(to);
    move_queued_task(from, to, p);
    wakeup_preempt(to, p, 0);
  }
  // As after a wake-up: where it went it may have to wait, and another CPU might run something lower (RT8).
  const RqLock guard(to);
  if (!p.is_queued() || &task_rq(p) != &to) return;
  update_rq_clock(to);
  p.sched_class->task_woken(to, p);
}

void leave_inactive_cpu(Task& p) {
  if (port::active_cpus().test(p.task_cpu()) || p.is_per_cpu || p.migration_disabled != 0) return;
  Rq& from = cpu_rq(p.task_cpu());
  Rq& to = cpu_rq(select_fallback_rq(p, from.cpu));
  const DoubleRqLock both(from, to);
  const bool in_use = p.is_on_cpu() || from.donor == &p; // its CPU is still up and sends it away itself
  if (&from == &to || &task_rq(p) != &from || !p.is_queued() || in_use) return;
  if (p.sched_class == &dl_sched_class && p.dl.throttled) return; // its timer takes it along
  update_rq_clock(from);
  update_rq_clock(to);
  move_queued_task(from, to, p);
  wakeup_preempt(to, p, 0);
}

namespace {

/// It executes, or is about to be found executing, where it is queued.
bool may_run_here(const Rq& rq, const Task& p) { return rq.curr == &p || p.is_on_cpu(); }

enum class Wait { kNo, kStopper, kEnable };

/// What must happen before `p` is certain not to run outside its mask (A5). pi_lock and rq lock.
Wait must_wait(const Rq& rq, Task& p, CpuId& cpu, AffinityRequest& request) REQUIRES(rq.lock) {
  cpu = p.task_cpu();
  // The stopper's own question, else it would leave p where it is and be asked again for ever: a kernel
  // thread may stay on a CPU that has just left the active ones.
  const bool may_stay = p.migration_disabled != 0 ? p.cpus_mask.test(cpu) && port::active_cpus().test(cpu)
                                                  : is_cpu_allowed(p, cpu);
  if (may_stay) return Wait::kNo;
  if (p.migration_disabled != 0) {
    if (&p == &current()) return Wait::kNo; // it leaves when it enables migration itself
    request.next = p.affinity_request;
    p.affinity_request = &request;
    return Wait::kEnable;
  }
  // A7: it does not execute where it is queued, and is placed anew when its wait is over.
  if (task_is_blocked(p) && p.is_queued() && !may_run_here(rq, p)) return Wait::kNo;
  const bool on_its_way =
      p.is_queued() || p.state.load(std::memory_order_relaxed) == kWaking || may_run_here(rq, p);
  return on_its_way ? Wait::kStopper
                    : Wait::kNo; // a blocked task is placed by its waker, which looks at the new mask
}

/// The change itself.
Wait change_mask(Task& p, const CpuMask& mask, CpuId& cpu,
                 AffinityRequest& request) NO_THREAD_SAFETY_ANALYSIS {
  DeferredCallbacks callbacks;
  const port::IrqLockGuard pi(p.pi_lock);
  TaskRqLock locked(p);
  Rq& rq = locked.rq();
  update_rq_clock(rq);
  {
    // A9. While p is migrate-disabled cpus_ptr stays where it is, so this is what was asked for only.
    const SchedChange change(rq, p, *p.sched_class, kFlagSave);
    p.sched_class->set_cpus_allowed(rq, p, mask);
  }
  mm_cid_affinity_changed(p);
  callbacks.take(rq);
  return must_wait(rq, p, cpu, request);
}

/// The stopper has run. `p` may have disabled migration before the stopper got the CPU; then it is still
/// there.
Wait look_again(Task& p, CpuId& cpu, AffinityRequest& request) NO_THREAD_SAFETY_ANALYSIS {
  const port::IrqLockGuard pi(p.pi_lock);
  TaskRqLock locked(p);
  return must_wait(locked.rq(), p, cpu, request);
}

void wait_for(AffinityRequest& request) {
  for (;;) {
    set_current_state(kUninterruptible);
    if (request.done.load(std::memory_order_acquire) != 0) break; // pairs with the release in answer_requests
    schedule();
  }
  current().state.store(kRunning, std::memory_order_relaxed);
}

void answer_requests(AffinityRequest* request) {
  while (request != nullptr) {
    AffinityRequest& one = *request;
    request = one.next;
    Task& waiter = *one.waiter;
    port::get_task(waiter); // with `done` the request, and soon perhaps the waiter, is gone
    one.done.store(1, std::memory_order_release);
    wake_up_process(waiter);
    port::put_task(waiter);
  }
}

} // namespace

Result<> set_cpus_allowed(Task& p, const CpuMask& mask) {
  if (p.is_per_cpu && mask != p.cpus_mask) return err(Errno::kINVAL);
  if (!mask.intersects(port::active_cpus())) return err(Errno::kINVAL);
  if (const Result<> ok = dl_check_mask(p, mask); !ok) return ok; // A3
  AffinityRequest request;
  CpuId cpu;
  Wait wait = change_mask(p, mask, cpu, request);
  while (wait == Wait::kStopper) {
    stop_one_cpu(cpu, push_from_here, &p);
    wait = look_again(p, cpu, request);
  }
  if (wait == Wait::kEnable) wait_for(request);
  return {};
}

void unpin_migrate_disabled(Task& p) NO_THREAD_SAFETY_ANALYSIS {
  AffinityRequest* requests;
  bool must_leave;
  {
    // Preemption is off from the mask's return to the count's end, else schedule() would pin the task again.
    const port::PreemptGuard no_preempt;
    {
      const port::IrqLockGuard pi(p.pi_lock);
      TaskRqLock locked(p);
      Rq& rq = locked.rq();
      if (p.cpus_ptr != &p.cpus_mask) {
        update_rq_clock(rq);
        const SchedChange change(rq, p, *p.sched_class, kFlagSave);
        p.cpus_ptr = &p.cpus_mask;
      }
      requests = p.affinity_request;
      p.affinity_request = nullptr;
      p.migration_disabled = 0;
      must_leave = !is_cpu_allowed(p, rq.cpu);
      rq.nr_pinned.fetch_sub(1, std::memory_order_relaxed);
    }
  }
  if (must_leave) stop_one_cpu(p.task_cpu(), push_from_here, &p);
  answer_requests(requests);
}

} // namespace runnel::sched
