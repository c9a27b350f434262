// SPDX-License-Identifier: Apache-2.0
// The per-CPU runqueue (spec 1.1).
#pragma once

#include "kernel/lib/thread_safety.hpp"

#include <sched/task.hpp>

namespace runnel::sched {

class SchedClass;

/// Queue of the round-robin class.
struct RrRq {
  List<Task, &Task::run_node> queue; // without the running task
  u32 nr_queued = 0;
};

/// One request to the CPU's stopper thread: runs `fn(arg)` there in the highest class.
struct StopWork {
  void (*fn)(void* arg) = nullptr;
  void* arg = nullptr;
  ListNode node;
  std::atomic<u32> done{0}; // release after fn; pairs with the acquire of the waiter
};

struct alignas(kCacheLine) Rq {
  port::Lock lock{port::LockRank::kRq};
  CpuId cpu;

  // Everything to the next blank line is protected by `lock`.
  u32 nr_running GUARDED_BY(lock) = 0; // runnable tasks of all classes but idle, the running one included
  Task* curr = nullptr;                // written by the owner CPU in schedule(); others look under the lock
  Task* idle = nullptr;
  Task* stop = nullptr;
  const SchedClass* next_class = nullptr; // class of the last pick, raised by wake-ups (spec 2.3)
  RrRq rr;
  Instant clock_task; // time as of the last update_rq_clock
  Duration idle_time; // total time the idle thread was current
  Instant idle_since;
  u64 nr_switches = 0;
  bool tick_running = false;

  port::Lock stopper_lock{port::LockRank::kStopper};
  List<StopWork, &StopWork::node> stop_works GUARDED_BY(stopper_lock);

  std::atomic<Task*> wake_list{nullptr}; // lock-free stack of remote wake-ups (B9)
  std::atomic<u32> ttwu_pending{0};      // wake-ups on that list that are not yet enqueued
  std::atomic<u32> nr_running_hint{0};   // nr_running, readable without the lock for placement
};

Rq& cpu_rq(CpuId cpu);
inline Rq& this_rq() { return cpu_rq(port::this_cpu()); }
inline Rq& task_rq(const Task& p) { return cpu_rq(p.task_cpu()); }

/// Spec 1.6: nothing runs there and nothing is about to. A hint: exact only under the lock.
bool cpu_is_idle(CpuId cpu);

/// Brings rq.clock_task up to now. Must be called once in each section that holds the lock and looks at time.
void update_rq_clock(Rq& rq) REQUIRES(rq.lock);

/// Asks rq's CPU to call schedule() soon (spec 1.11): flag, and an IPI when the CPU is another one that does
/// not poll.
void resched_curr(Rq& rq) REQUIRES(rq.lock);

void activate_task(Rq& rq, Task& p, u32 flags) REQUIRES(rq.lock);
void deactivate_task(Rq& rq, Task& p, u32 flags) REQUIRES(rq.lock);
/// After `p` was activated: does it preempt what runs (spec 2.3)?
void wakeup_preempt(Rq& rq, Task& p, u32 flags) REQUIRES(rq.lock);

/// Moves `p`'s cpu field under rule L7.
void set_task_cpu(Task& p, CpuId cpu);

/// Moves a queued, not running task; both locks are held and stay held.
void move_queued_task(Rq& from, Rq& to, Task& p) REQUIRES(from.lock, to.lock);

/// Two runqueue locks in the order of rule L2. Interrupts are off.
class SCOPED_CAPABILITY DoubleRqLock {
 public:
  DoubleRqLock(Rq& a, Rq& b) ACQUIRE(a.lock, b.lock);
  ~DoubleRqLock() RELEASE();
  DoubleRqLock(const DoubleRqLock&) = delete;
  DoubleRqLock& operator=(const DoubleRqLock&) = delete;

 private:
  Rq& a_;
  Rq& b_;
};

/// Locks the runqueue `p` is on (spec L5). pi_lock is held, so that the class and mask stand still too. Which
/// lock it is shows only at run time: users tell the analysis with rq().lock.assert_held().
class TaskRqLock {
 public:
  explicit TaskRqLock(Task& p);
  ~TaskRqLock();
  TaskRqLock(const TaskRqLock&) = delete;
  TaskRqLock& operator=(const TaskRqLock&) = delete;
  Rq& rq() { return *rq_; }

 private:
  Rq* rq_;
};

} // namespace runnel::sched
