// SPDX-License-Identifier: Apache-2.0
// A grace period asks every CPU by IPI. One that is interrupted outside of preemption-off code is in no read
// section, nor is an interrupt handler running there: it answers at once, idle or not. Any other answers at
// its next schedule(), which it is made to reach soon.
#include "kernel/sync/rcu.hpp"

#include "kernel/debug/panic.hpp"
#include "kernel/irq/irq_work.hpp"
#include "kernel/smp/call.hpp"
#include "kernel/smp/cpumask.hpp"
#include "kernel/smp/percpu.hpp"
#include "kernel/sync/completion.hpp"
#include "kernel/sync/mutex.hpp"
#include "kernel/task/kthread.hpp"

namespace runnel::sync {
namespace {

constinit Mutex grace_period;         // one at a time
constinit AtomicCpuMask not_yet_seen; // CPUs that may still be in a read section of before
constinit PerCpu<bool> must_report;   // own CPU, interrupts off

constinit SpinLock callbacks_lock{LockRank::kRcu};
constinit RcuHead* callbacks GUARDED_BY(callbacks_lock) = nullptr;
constinit RcuHead** callbacks_tail GUARDED_BY(callbacks_lock) = &callbacks;
constinit WaitQueue work_to_do;

void wake_thread(irq::IrqWork&) { work_to_do.wake_one(); }
constinit irq::IrqWork wake_work{wake_thread};

void ask_cpu(void*) {
  ThreadInfo* self = arch::Cpu::current();
  if (self->preempt_count == kHardirqOne) {
    not_yet_seen.clear(arch::Cpu::this_cpu());
  } else {
    must_report.local() = true;
    self->flags.fetch_or(kNeedResched, std::memory_order_relaxed);
  }
}

bool callbacks_pending() {
  const IrqSpinGuard guard(callbacks_lock);
  return callbacks != nullptr;
}

RcuHead* take_callbacks() {
  const IrqSpinGuard guard(callbacks_lock);
  RcuHead* list = callbacks;
  callbacks = nullptr;
  callbacks_tail = &callbacks;
  return list;
}

void rcu_thread(void*) {
  for (;;) {
    work_to_do.wait(callbacks_pending);
    RcuHead* head = take_callbacks();
    synchronize_rcu();
    while (head != nullptr) {
      RcuHead* next = head->next; // the callback frees `head`
      head->fn(*head);
      head = next;
    }
  }
}

} // namespace

void rcu_note_context_switch() {
  bool& report = must_report.local();
  if (!report) [[likely]]
    return;
  report = false;
  not_yet_seen.clear(arch::Cpu::this_cpu());
}

void synchronize_rcu() {
  const MutexGuard one_at_a_time(grace_period);
  {
    const PreemptGuard pinned;
    CpuMask others = online_cpus();
    others.clear(arch::Cpu::this_cpu()); // who waits is in no read section
    for (const CpuId cpu : others) not_yet_seen.set(cpu);
    smp::call_function(others, ask_cpu, nullptr, Wait::kNo);
  }
  // A CPU that went down after `others` was read was not asked, or has its answer behind it: it is in no read
  // section.
  while (not_yet_seen.load().intersects(online_cpus())) sleep_for(100_us);
  for (const CpuId cpu : not_yet_seen.load()) not_yet_seen.clear(cpu);
}

void call_rcu(RcuHead& head, void (*fn)(RcuHead&)) {
  head.next = nullptr;
  head.fn = fn;
  {
    const IrqSpinGuard guard(callbacks_lock);
    *callbacks_tail = &head;
    callbacks_tail = &head.next;
  }
  irq::irq_work_queue(wake_work);
}

void rcu_barrier() {
  // Callbacks run in order, so ours runs after all that were there before.
  struct Marker : RcuHead {
    Completion reached;
  } marker;
  call_rcu(marker, [](RcuHead& head) { static_cast<Marker&>(head).reached.complete(); });
  marker.reached.wait();
}

void rcu_init() {
  const Result<Task*> thread = kthread_run("rcu", rcu_thread, nullptr);
  if (!thread) panic("rcu: no memory for the callback thread");
}

} // namespace runnel::sync
