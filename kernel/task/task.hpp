// SPDX-License-Identifier: Apache-2.0
// A kernel thread: the scheduler's task plus what it runs on and how it ends.
#pragma once

#include "kernel/sync/completion.hpp"
#include "kernel/sync/rcu.hpp"

#include <arch/context.hpp>
#include <sched/task.hpp>

namespace runnel {

namespace user {
struct Thread;
class Mm;
} // namespace user

struct Task : sched::Task {
  arch::Context context;
  VirtAddr stack_top; // 0: none of its own (an idle thread before its CPU is up)
  std::atomic<u32> refs{1};
  void (*body)(void*) = nullptr;
  void* arg = nullptr;
  user::Thread* user = nullptr; // what a thread of a user program has besides; nullptr: a kernel thread
  i32 exit_code = 0;
  sync::Completion exited;
  ListNode all_tasks; // kTaskList lock
  /// The address space it runs in, a use of which it owns (kernel/user/mm/mm.hpp); nullptr: a kernel thread,
  /// which touches no user address. Changed by replace_current_mm() alone once it runs.
  user::Mm* mm = nullptr;
#ifdef RUNNEL_DEBUG
  std::atomic<u32> running_on{0}; // CPU + 1 while its stack is in use (kernel/sched_port/handover.hpp)
  bool stack_sealed = false;
#endif
  /// It is past giving back the futexes with priority inheritance that it owns, and how many have waiters
  /// (kernel/user/futex/pi.cpp).
  std::atomic<bool> futex_gone{false};
  std::atomic<u32> futex_pi_states{0};
  Task* next_dead = nullptr;
  struct Reclaim : sync::RcuHead {
    Task* task = nullptr;
  } reclaim;
};

/// The running thread; stable.
inline Task& current_task() { return static_cast<Task&>(sched::current()); }

/// Idle thread of `cpu`; exists before everything else.
Task& idle_task(CpuId cpu);

inline void get_task(Task& task) { task.refs.fetch_add(1, std::memory_order_relaxed); }
/// For who found `task` in the list and holds nothing that keeps it: false when its last reference is gone,
/// which happens a moment before it leaves the list.
[[nodiscard]] inline bool try_get_task(Task& task) {
  u32 refs = task.refs.load(std::memory_order_relaxed);
  while (refs != 0)
    if (task.refs.compare_exchange_weak(refs, refs + 1, std::memory_order_relaxed)) return true;
  return false;
}
/// Drops a reference; the last one frees the task after an RCU grace period. With interrupts on: no lock of
/// rank kTaskList or further in held. With interrupts off any lock may be: what then is to be freed waits for
/// bury_dead_tasks().
void put_task(Task& task);
/// Every tick calls it. No lock of rank kTaskList or further in held.
void bury_dead_tasks();

/// Calls `visit(task)` for all threads but the idle ones, in the order of creation, with the task list locked
/// (no allocation, no sleep). One that is kept beyond the call is taken with try_get_task.
void for_each_task(void (*visit)(void* context, Task& task), void* context);
template <typename Visit> void for_each_task(Visit visit) {
  for_each_task([](void* context, Task& task) { (*static_cast<Visit*>(context))(task); }, &visit);
}

/// Number of threads but the idle ones; for leak checks.
u32 nr_tasks();

/// Runs the current (new) task's body and ends it.
[[noreturn]] void run_task_body();

} // namespace runnel
