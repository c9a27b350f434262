// SPDX-License-Identifier: Apache-2.0
// What the scheduler knows of a task. The kernel's Task derives from it and adds stack, exit status and the
// rest.
#pragma once

#include "kernel/lib/cpumask.hpp"
#include "kernel/lib/list.hpp"
#include "kernel/lib/thread_info.hpp"

#include <atomic>
#include <sched/port.hpp>

namespace runnel::sched {

class SchedClass;

/// Bits of Task::state (spec 1.3). 0 is running or runnable.
enum TaskState : u32 {
  kRunning = 0,
  kInterruptible = 1,
  kUninterruptible = 2,
  kParked = 0x40,
  kDead = 0x80,
  kWaking = 0x200,
  kNew = 0x800,
  kNormal = kInterruptible | kUninterruptible, // what an ordinary wake-up wakes
};

enum class OnRq : u32 { kNo = 0, kQueued = 1, kMigrating = 2 };

/// Linux's policy numbers (spec 0). Until the other classes exist, only their parameters are carried.
enum class Policy : u32 { kNormal = 0, kFifo = 1, kRr = 2, kBatch = 3, kIdle = 5, kDeadline = 6, kExt = 7 };

struct TaskStats {
  Duration sum_exec_runtime; // time on a CPU, by clock_task
  u64 nvcsw = 0;             // switched away because it blocked
  u64 nivcsw = 0;            // switched away while runnable: a preemption
  u64 nr_migrations = 0;
  u64 nr_wakeups = 0;
  Instant last_wakeup; // when it last became runnable by a wake-up
};

struct Task {
  ThreadInfo thread; // first: the architecture's `current` points here

  port::Lock pi_lock{port::LockRank::kPi}; // wakers; cpus_mask, policy (with the rq lock, L4)
  std::atomic<u32> state{kNew};            // the task itself, or a waker under pi_lock
  std::atomic<OnRq> on_rq{OnRq::kNo};      // rq lock
  std::atomic<u32> on_cpu{0}; // set before the switch to it, cleared with release after it left (B4)
  std::atomic<u32> cpu{0};    // rule L7
  u32 wake_cpu = 0;

  const SchedClass* sched_class = nullptr; // pi_lock and rq lock
  Policy policy = Policy::kNormal;
  i32 nice = 0;
  u32 rt_priority = 0;
  CpuMask cpus_mask = CpuMask::all();

  // rq lock
  ListNode run_node;
  Duration slice_left;
  Instant exec_start;
  TaskStats stats;

  Task* wake_entry = nullptr;    // link of a remote wake list (B9)
  bool migrated_by_wake = false; // carried over that list

  u32 pid = 0;
  char comm[16] = {};

  CpuId task_cpu() const { return {cpu.load(std::memory_order_relaxed)}; }
};

/// The task that runs here; stable.
inline Task& current() { return *reinterpret_cast<Task*>(port::current_thread()); }

} // namespace runnel::sched
