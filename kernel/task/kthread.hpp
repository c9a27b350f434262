// SPDX-License-Identifier: Apache-2.0
// Kernel threads: create, start, join, end.
#pragma once

#include "kernel/lib/errno.hpp"
#include "kernel/task/task.hpp"

#include <string_view>

namespace runnel {

struct KthreadOptions {
  CpuMask cpus = CpuMask::all(); // where it may run
  user::Thread* user = nullptr;  // a thread of a user program: room for its registers is kept on its stack
};

/// A new thread, not yet running; the caller holds a reference (end it with kthread_join, or put_task).
/// `name` is cut to 15 characters. kNOMEM; kINVAL when no online CPU is in options.cpus. Thread context.
Result<Task*> kthread_create(std::string_view name, void (*body)(void*), void* arg,
                             KthreadOptions options = {});
/// Lets a created thread run.
void kthread_start(Task& task);
/// Create and start.
Result<Task*> kthread_run(std::string_view name, void (*body)(void*), void* arg, KthreadOptions options = {});

/// Waits until the thread has ended, drops the caller's reference, returns its exit code.
i32 kthread_join(Task* task);
/// As kthread_join, but gives up after `limit`: kTIMEDOUT, and the reference stays.
Result<i32> kthread_join_for(Task* task, Duration limit);

/// Ends the current thread. What its stack owns is not destroyed.
[[noreturn]] void kthread_exit(i32 code);

/// Lets other threads of this CPU run.
void yield();
/// Spec sched_core 1.16: on return `task` does not run outside `mask`. kINVAL: no online CPU in it.
Result<> set_affinity(Task& task, const CpuMask& mask);

} // namespace runnel
