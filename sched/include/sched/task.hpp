// SPDX-License-Identifier: Apache-2.0
// What the scheduler knows of a task. The kernel's Task derives from it and adds stack, exit status and the
// rest.
#pragma once

#include "kernel/lib/cpumask.hpp"
#include "kernel/lib/list.hpp"
#include "kernel/lib/thread_info.hpp"

#include <atomic>
#include <sched/dl_entity.hpp>
#include <sched/fair_entity.hpp>
#include <sched/load.hpp>
#include <sched/mm_cid.hpp>
#include <sched/pi_entity.hpp>
#include <sched/port.hpp>
#include <sched/prio.hpp>
#include <sched/rseq_event.hpp>
#include <sched/rt_entity.hpp>

namespace runnel::sched {

class SchedClass;
struct AffinityRequest;

/// Bits of Task::state (spec 1.3). 0 is running or runnable.
enum TaskState : u32 {
  kRunning = 0,
  kInterruptible = 1,
  kUninterruptible = 2,
  kStopped = 4,
  kTraced = 8,
  kParked = 0x40,
  kDead = 0x80,
  kWakeKill = 0x100,
  kWaking = 0x200,
  kNoLoad = 0x400,
  kNew = 0x800,
  kKillable = kWakeKill | kUninterruptible,        // a sleep that a fatal signal ends
  kNormal = kInterruptible | kUninterruptible,     // what an ordinary wake-up wakes
  kSpecial = kStopped | kTraced | kParked | kDead, // set under pi_lock; their dequeue is never delayed
};

/// Bits of Task::signals (spec 1.3): what ends an interruptible, and what a killable sleep.
enum SignalBits : u32 { kSignalPending = 1, kFatalSignalPending = 2 };

enum class OnRq : u32 { kNo = 0, kQueued = 1, kMigrating = 2 };

struct TaskStats {
  Duration sum_exec_runtime; // time on a CPU, by clock_task
  u64 nvcsw = 0;             // switched away because it blocked
  u64 nivcsw = 0;            // switched away while runnable: a preemption
  u64 nr_migrations = 0;
  u64 nr_wakeups = 0;
  Instant last_wakeup; // when it last became runnable by a wake-up, by rq clock
  Instant wait_start;  // since when it is runnable and not running
  Duration wait_sum;
};

struct Task {
  ThreadInfo thread; // first: the architecture's `current` points here

  port::Lock pi_lock{port::LockRank::kPi}; // wakers; affinity, policy, priority (with the rq lock, L4)
  std::atomic<u32> state{kNew};            // the task itself, or a waker under pi_lock
  std::atomic<OnRq> on_rq{OnRq::kNo};      // rq lock
  std::atomic<u32> signals{0};             // SignalBits; who sets a bit wakes the task afterwards (B7)
  std::atomic<u32> on_cpu{0}; // set before the switch to it, cleared with release after it left (B4)
  std::atomic<u32> cpu{0};    // rule L7
  u32 wake_cpu = 0;           // where it last wanted to be; kept across proxy migration
  bool sched_delayed = false; // fair: blocked while ineligible, still in the tree; rq lock

  // pi_lock and rq lock (L4)
  const SchedClass* sched_class = nullptr;
  Policy policy = Policy::kNormal;
  i32 static_prio = kDefaultPrio; // 120 + nice
  i32 normal_prio = kDefaultPrio; // by its own parameters
  i32 prio = kDefaultPrio;        // with what others lend it
  u32 rt_priority = 0;            // 1..99 for FIFO and RR, else 0
  bool reset_on_fork = false;

  // rq lock
  FairEntity se;
  TaskLoad load;      // as a fair task
  u32 recent_cpu = 0; // where it woke up before last; pi_lock
  RtEntity rt;
  DlEntity dl;
  PiEntity pi;
  DlEntity* dl_server = nullptr; // the server that let this task be picked; nullptr: none
  Instant exec_start;
  TaskStats stats;

  // Affinity (spec 1.16, 1.17): pi_lock and rq lock
  CpuMask cpus_mask = CpuMask::all();   // what was asked for
  const CpuMask* cpus_ptr = &cpus_mask; // what is in force: single_cpu while migrate-disabled
  CpuMask single_cpu;
  u32 nr_cpus_allowed =
      kMaxCpus;               // of cpus_mask: a migrate-disabled task is still one others make way for (RT6)
  u32 migration_disabled = 0; // nesting; only the task itself changes it
  AffinityRequest* affinity_request = nullptr; // who waits for it to leave a CPU; pi_lock
  bool is_kthread = true;
  bool is_per_cpu = false; // pinned for ever to the CPU it serves: mask may not change

  Task* wake_entry = nullptr; // link of a remote wake list (B9)
  u32 wake_list_flags = 0;    // WakeFlags carried over that list

  TaskCid cid;
  RseqEvent rseq_event; // only a user's thread has use for it

  u32 pid = 0;
  char comm[16] = {};

  Task() = default;
  Task(const Task&) = delete;
  Task& operator=(const Task&) = delete;

  CpuId task_cpu() const { return {cpu.load(std::memory_order_relaxed)}; }
  i32 nice() const { return prio_to_nice(static_prio); }
  bool is_queued() const { return on_rq.load(std::memory_order_relaxed) == OnRq::kQueued; }
  bool signal_pending() const { return signals.load(std::memory_order_relaxed) != 0; }
  /// A sleep in `sleep_state` may not begin, or ends: it is interruptible and a signal is pending, or it is
  /// killable and the signal is fatal.
  bool signal_pending_state(u32 sleep_state) const {
    const u32 pending = signals.load(std::memory_order_relaxed);
    return ((sleep_state & kInterruptible) != 0 && pending != 0) ||
           ((sleep_state & kWakeKill) != 0 && (pending & kFatalSignalPending) != 0);
  }
  bool is_on_cpu() const { return on_cpu.load(std::memory_order_relaxed) != 0; }
};

/// The task that runs here; stable.
inline Task& current() { return *reinterpret_cast<Task*>(port::current_thread()); }

} // namespace runnel::sched
