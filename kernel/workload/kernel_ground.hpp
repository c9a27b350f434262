// SPDX-License-Identifier: Apache-2.0
// The ground of a workload on the machine: kernel threads. See ground.hpp.
#pragma once

#include "kernel/log/log.hpp"
#include "kernel/mm/kmalloc.hpp"
#include "kernel/sync/spinlock.hpp"
#include "kernel/task/kthread.hpp"
#include "kernel/time/burn.hpp"
#include "kernel/time/sleep.hpp"

namespace runnel::workload::ground {

using sync::LockRank;
using sync::SpinGuard;
using sync::SpinLock;

inline void* allocate(usize bytes) { return kmalloc(bytes); }
inline void release(void* pointer) { kfree(pointer); }

inline Result<sched::Task*> create(std::string_view name, void (*body)(void*), void* arg,
                                   const CpuMask& cpus) {
  const Result<Task*> task = kthread_run(name, body, arg, {.cpus = cpus});
  if (!task) return err(task.error());
  return *task;
}
inline void join(sched::Task& task) { kthread_join(static_cast<Task*>(&task)); }

/// The caller relaxes after it: so often do the other CPUs have a turn, and so late is who wakes up there.
inline void burn(Duration length) { time::burn(std::min(length, Duration{1000})); }
inline void wrote(usize) {}
inline void sleep_step(Instant until) { static_cast<void>(time::schedule_until(until)); }
inline void yield() { runnel::yield(); }
inline void print_line(std::string_view text) { raw_print("{}", text); }

} // namespace runnel::workload::ground
