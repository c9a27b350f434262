// SPDX-License-Identifier: Apache-2.0
// Everything the scheduler needs from the ground it runs on. The kernel implements it on real interrupt
// hardware (kernel/sched_port), the host tests with a simulated machine; which one is a matter of the include
// path. sched/ includes this and kernel/lib, nothing else.
//
// <port_impl.hpp> provides, in runnel::sched::port:
//   Lock, LockRank, IrqLockGuard   spinlock with lock/unlock/lock_nested/try_lock and its interrupts-off
//   guard IrqGuard, PreemptGuard         as in kernel/sync/preempt.hpp full_barrier(), relax()        barrier
//   for rules B1..B12; one step of a wait loop this_cpu(), current_thread(), irq_enable(), irq_disable(),
//   irqs_enabled() preempt_disable(), preempt_enable(), preempt_enable_no_resched(), preempt_count()
//   assert_(condition)             checked in debug builds
#pragma once

#include "kernel/lib/cpumask.hpp"
#include "kernel/lib/thread_info.hpp"
#include "kernel/lib/types.hpp"
#include "kernel/lib/trace_event.hpp"

#include <port_impl.hpp>

namespace runnel::sched {
struct Task;
}

namespace runnel::sched::port {

/// Monotonic clock, the same on all CPUs.
Instant clock();

/// Interrupts `cpu`; ends there in sched::reschedule_interrupt. Orders everything stored before it.
void send_reschedule(CpuId cpu);

/// Starts or stops this CPU's periodic tick (sched::scheduler_tick every kTick). Interrupts off.
void tick_start();
void tick_stop();
inline constexpr Duration kTick = 4_ms;

/// CPUs that may run tasks.
CpuMask active_cpus();

/// Saves `prev`, runs `next`; returns, when prev runs again, the task that was switched away from then.
Task* context_switch(Task& prev, Task& next);

/// `task` is dead and off its CPU for good: drop the scheduler's reference. Interrupts on, no locks.
void task_dead(Task& task);

/// Something every quiescent-state observer (RCU) may want to know: this CPU passed through schedule().
void note_context_switch();

/// Event log; one predictable branch when off.
bool trace_enabled();
void trace(trace::EventType type, u32 pid, u64 a, u64 b);

} // namespace runnel::sched::port
