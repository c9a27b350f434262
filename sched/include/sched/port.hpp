// SPDX-License-Identifier: Apache-2.0
// Everything the scheduler needs from the ground it runs on. The kernel implements it on real interrupt
// hardware (kernel/sched_port), the simulated machine on the host (sched/sim/port); which one is a matter of
// the include path. sched/ includes this and kernel/lib, nothing else.
//
// <port_impl.hpp> provides, in runnel::sched::port:
//   Lock, LockRank, IrqLockGuard   spinlock with lock/unlock/lock_nested/try_lock/assert_held; the guard also
//                                  turns interrupts off
//   IrqGuard, PreemptGuard         as in kernel/sync/preempt.hpp
//   full_barrier(), write_barrier(), read_barrier()    rules B1..B13 (spec 1.4)
//   relax()                        one step of a wait loop
//   this_cpu(), current_thread(), irq_enable(), irq_disable(), irqs_enabled()
//   preempt_disable(), preempt_enable(), preempt_enable_no_resched(), preempt_count()
//   assert_(condition)             checked in debug builds
//   assert_no_locks_held(doing)    debug builds: no spinlock is held here
//   Timer                          one-shot timer: constexpr Timer(void (*fn)(Timer&)); fn runs in interrupt
//                                  context on the CPU that started it
//   RcuReadGuard                   objects published by pointer stay while it is held
#pragma once

#include "kernel/lib/cpumask.hpp"
#include "kernel/lib/thread_info.hpp"
#include "kernel/lib/trace_event.hpp"
#include "kernel/lib/types.hpp"

#include <port_impl.hpp>

namespace runnel::sched {
struct Task;
class MmCid;
} // namespace runnel::sched

namespace runnel::sched::port {

/// Monotonic clock, the same on all CPUs.
Instant clock();
/// Time `cpu` has spent in interrupts since it started; 0 where it is not accounted (spec 1.12).
Duration irq_time(CpuId cpu);

/// Interrupts `cpu`; ends there in sched::reschedule_interrupt. Orders everything stored before it.
void send_reschedule(CpuId cpu);

/// Starts `timer` on this CPU for `expires` (in the past: as soon as interrupts are on). It is idle, or this
/// is its own function. An rq lock may be held.
void timer_start(Timer& timer, Instant expires);
/// True: its function will not run. False: it was not started, is running or has run. An rq lock may be held.
bool timer_cancel(Timer& timer);
bool timer_is_queued(const Timer& timer);

/// Starts or stops this CPU's periodic tick (sched::scheduler_tick every kTick). Interrupts off.
void tick_start();
void tick_stop();
inline constexpr Duration kTick = 4_ms;

/// CPUs that exist; CPUs that are up (can execute); of those the ones that take ordinary tasks (spec 1.16
/// A2).
CpuMask possible_cpus();
CpuMask online_cpus();
CpuMask active_cpus();
void set_cpu_active(CpuId cpu);
void set_cpu_inactive(CpuId cpu);

/// Saves `prev`, runs `next`; returns, when prev runs again, the task that was switched away from then.
Task* context_switch(Task& prev, Task& next);

/// References keep a task's memory. get: the caller knows it alive. put: any context, no lock inside
/// kTimerBase.
void get_task(Task& task);
void put_task(Task& task);
/// `task` is dead and off its CPU for good: drop the scheduler's reference. Interrupts on, no locks.
void task_dead(Task& task);

/// Something every quiescent-state observer (RCU) may want to know: this CPU passed through schedule().
void note_context_switch();
/// mm_cid_update(space) soon, in a thread. The rq lock and the space's are held.
void mm_cid_defer(MmCid& space);
/// Waits until every RcuReadGuard and every section with interrupts or preemption off that is open now is
/// over.
void synchronize();

/// Start of the pseudo-random sequences of the scheduler; the same in the same run.
u64 random_seed();

/// A message a person should see once in a while ("no longer affine", spec 1.16 A8). No newline.
void notice(const Task& task, const char* what);

/// Event log; one predictable branch when off.
bool trace_enabled();
void trace(trace::EventType type, u32 pid, u64 a, u64 b);

} // namespace runnel::sched::port
