// SPDX-License-Identifier: Apache-2.0
// The ground of a workload on the machine: kernel threads. See ground.hpp.
#pragma once

#include "kernel/log/log.hpp"
#include "kernel/mm/kmalloc.hpp"
#include "kernel/sync/spinlock.hpp"
#include "kernel/task/kthread.hpp"
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

inline void burn(Duration) {
  static constexpr u32 kRounds = 200; // of about five instructions: a microsecond of emulated work
  u64 x = 88172645463325252;
  for (u32 i = 0; i < kRounds; ++i) {
    x ^= x << 13;
    x ^= x >> 7;
    asm volatile("" : "+r"(x)); // the result is not used; the work is
  }
}
inline void wrote(usize) {}
inline void sleep_step(Instant until) { static_cast<void>(time::schedule_until(until)); }
inline void yield() { runnel::yield(); }
inline void print_line(std::string_view text) { raw_print("{}", text); }

} // namespace runnel::workload::ground
