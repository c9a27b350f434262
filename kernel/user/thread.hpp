// SPDX-License-Identifier: Apache-2.0
// A thread of a user program: a kernel Task with user registers (at the top of its kernel stack), FPU state,
// TLS base and a Process.
#pragma once

#include "kernel/lib/errno.hpp"
#include "kernel/task/task.hpp"
#include "kernel/user/cpu_time/account.hpp"
#include "kernel/user/rseq/state.hpp"
#include "kernel/user/signal/state.hpp"

#include <arch/user.hpp>
#include <atomic>
#include <string_view>

namespace runnel::user {

struct Process;
class Mm;

/// Bits of Thread::work: reasons to do something before the thread is in user mode again.
enum ThreadWork : u32 {
  kWorkExit = 1u << 0,      // the process ends: the thread must too
  kWorkSignal = 1u << 1,    // signals may be pending, or a stop is under way
  kWorkCpuLimits = 1u << 3, // it ran for longer than it may, or than it said
  kWorkCpuTimers = 1u << 4, // a clock of its processor time may have reached something
  kWorkRseq = 1u << 2,      // rseq could not do its work with interrupts off (rseq::leave_slow)
};

/// What prctl and personality set; only the thread itself touches it. A new thread has its creator's, but for
/// the signal.
struct ThreadControls {
  u32 death_signal = 0; // sent when the parent ends, 0: none; the parent reads it
  u32 personality = 0;
  u64 timer_slack = 50'000; // ns
};

struct Thread {
  Task* task = nullptr; // itself; valid as long as the thread lives
  Process* process = nullptr;
  arch::UserState arch; // live in the CPU while it runs
  std::atomic<u32> work{0};
  ListNode in_process; // Process::lock
  ListNode by_tid;     // tree_lock
  ThreadSignals signals;

  u64 set_child_tid = 0; // user address: its number is stored there before its first instruction; 0: nowhere
  u64 clear_child_tid = 0; // user address: 0 stored and one futex waiter woken at the thread's end
  u64 robust_list = 0;
  u64 robust_list_size = 0;
  ThreadControls controls;
  rseq::State rseq;
  ThreadCpu cpu;

  // kWorkCpuLimits: what the scheduler saw (cpu_limits.hpp).
  std::atomic<u64> realtime_us{0}; // how long it has run in a real-time class since it last slept; 0: no news
  std::atomic<bool> overran{false};

  u32 tid() const { return task->pid; }
  arch::UserRegs& regs() const { return arch::user_regs(task->stack_top); }
};

/// The running thread, which must be a user thread; nullptr-safe form below.
inline Thread& current_thread() { return *current_task().user; }
inline Thread* current_thread_or_null() { return current_task().user; }
inline Process& current_process() { return *current_task().user->process; }

/// A new thread of `process`, linked to it, not yet running: user registers undefined, FPU fresh, no TLS. The
/// caller fills regs() and starts it with start_thread. kNOMEM, kAGAIN.
Result<Thread*> create_thread(Process& process, std::string_view comm);
void start_thread(Thread& thread);
/// A process that shares its vfork parent's memory needs it no more (exec, exit): the parent goes on.
void release_vfork_parent(Process& process);
/// Undoes create_thread for a thread that was never started.
void discard_thread(Thread& thread);

/// Ends the current thread (exit); the last one ends the process. `status` is a wait status.
[[noreturn]] void exit_thread(i32 status);
/// Ends all threads of the current process (exit_group, fatal signal). `status` is a wait status.
[[noreturn]] void exit_process(i32 status);

/// Asks `thread` to look at `work` soon, wherever it is: marks it, interrupts its CPU when it runs in user
/// mode, wakes it from interruptible sleeps.
void kick_thread(Thread& thread, ThreadWork work);

/// Wait statuses.
constexpr i32 status_exited(i32 code) { return (code & 0xff) << 8; }
constexpr i32 status_killed(i32 signal) { return signal & 0x7f; }

/// Hooks of the context switch (kernel/sched_port), interrupts off, on `prev`'s stack: user state and address
/// space of `prev` out, of `next` in. Either may be a kernel thread.
void switch_user_state(Task& prev, Task& next);

} // namespace runnel::user
