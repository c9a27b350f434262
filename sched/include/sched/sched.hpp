// SPDX-License-Identifier: Apache-2.0
// The scheduler as the rest of the kernel uses it.
#pragma once

#include "kernel/lib/errno.hpp"

#include <sched/task.hpp>

namespace runnel::sched {

/// Gives `cpu` its runqueue with `idle` as the running task. Before the CPU takes interrupts; once a CPU.
void sched_init_cpu(CpuId cpu, Task& idle);
/// Makes `stopper` (pinned, not yet woken) the CPU's stopper thread; its body is stopper_main.
void sched_set_stopper(CpuId cpu, Task& stopper);
[[noreturn]] void stopper_main(CpuId cpu);
/// The CPU runs and has its stopper: from now on it takes ordinary tasks and part in balancing.
void sched_cpu_activate(CpuId cpu);
/// The way down (spec 1.20). From now on the CPU takes no ordinary task and sends away those it has. kBUSY:
/// the deadline tasks that were admitted would not fit on the others. Thread context; blocks.
Result<> sched_cpu_deactivate(CpuId cpu);
/// Blocks until nothing but its idle thread is left on a deactivated CPU; migrate-disabled tasks make it
/// wait.
void sched_cpu_wait_empty(CpuId cpu);

/// Makes a new task's scheduler part ready: class, mask, name. State is kNew until wake_up_new_task.
void sched_init_task(Task& p, const CpuMask& cpus);
/// Spec 1.19, after sched_init_task: `child` takes over the current task's policy and priority, without what
/// was lent to it, or the defaults under reset-on-fork. kAGAIN: the parent is a deadline task without
/// reset-on-fork.
Result<> sched_fork(Task& child);
void wake_up_new_task(Task& p);

/// Spec 1.5: makes `p` runnable if its state is in `state_mask`. True when it was. Any context, interrupts on
/// or off; no lock of rank kPi or further in is held. Orders the caller's earlier stores before the woken
/// task runs (B1).
bool try_to_wake_up(Task& p, u32 state_mask, u32 wake_flags);
inline bool wake_up_process(Task& p) { return try_to_wake_up(p, kNormal, 0); }

/// State of the current task before it looks at what it waits for: store, then full barrier (B1, side A).
inline void set_current_state(u32 state) {
  current().state.store(state, std::memory_order_relaxed);
  port::full_barrier(); // B1: pairs with the full barrier in try_to_wake_up
}

/// Gives up the CPU: blocks if the current state is not kRunning, else lets others run first. Preemption is
/// enabled, no spinlock is held.
void schedule();
/// Runs until need_resched is clear; from the idle loop.
void schedule_idle();
/// On the way out of an interrupt with need_resched set, preempt_count 0 and interrupts on in the interrupted
/// code.
void preempt_schedule_irq();
/// sched_yield: always 0.
i32 yield();
/// First scheduler code of a new task, after the first switch to it. Ends with interrupts on.
void schedule_tail(Task& prev);

/// Restricts `p` to `mask` (spec 1.16): on return it does not run outside it. kINVAL when no active CPU is in
/// it. Preemption enabled; may block.
Result<> set_cpus_allowed(Task& p, const CpuMask& mask);

/// Runs fn(arg) on `cpu` in the stopper thread and waits. False, and nothing was run: the CPU is down.
/// Preemption enabled; may block.
bool stop_one_cpu(CpuId cpu, void (*fn)(void*), void* arg);

/// Runs fn(arg) on `runs_on` while `other` (a different one) executes nothing else, interrupts off on both,
/// and waits. False, and nothing was run: one of them is down. Preemption enabled; may block.
bool stop_two_cpus(CpuId runs_on, CpuId other, void (*fn)(void*), void* arg);

/// Every kTick on a CPU that is not idle; interrupts off.
void scheduler_tick();
/// The reschedule IPI: drains the wake list. The way out of the interrupt does the rest.
void reschedule_interrupt();

/// A task that is dying: never returns, never runs again.
[[noreturn]] void do_task_dead();

/// sum_exec_runtime with the running part included. Any task.
Duration task_runtime(Task& p);

struct CpuStats {
  u64 nr_switches = 0;
  u32 nr_running = 0;
  Duration idle_time;
  Duration busy_time; // neither idle nor in interrupts, since the CPU came
  u32 curr_pid = 0;
};
CpuStats cpu_stats(CpuId cpu);

} // namespace runnel::sched
