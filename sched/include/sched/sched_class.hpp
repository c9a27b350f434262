// SPDX-License-Identifier: Apache-2.0
// What a scheduling class does for the core (spec 2.1). Classes are asked from the highest rank down; a hook
// that a class leaves out does nothing. All hooks but select_task_rq are called with the rq lock held.
#pragma once

#include "kernel/lib/trace_event.hpp"

#include <array>
#include <sched/rq.hpp>

namespace runnel::sched {

/// Flags of enqueue_task and dequeue_task (spec 2.1, the reference's values).
enum EnqueueFlag : u32 {
  kEnqueueWakeup = 0x1,
  kDequeueSleep = 0x1,
  kFlagMigrating = 0x10,
  kEnqueueHead = 0x10000,
  kEnqueueMigrated = 0x40000,
  kEnqueueInitial = 0x80000,
};

/// Flags of a wake-up (spec 2.1).
enum WakeFlag : u32 {
  kWakeExec = 0x2,
  kWakeFork = 0x4,
  kWakeTtwu = 0x8,
  kWakeSync = 0x10,
  kWakeMigrated = 0x20
};

struct Pick {
  Task* task = nullptr; // nullptr: this class has nothing
  trace::PickReason reason = trace::PickReason::kNone;
};

class SchedClass {
 public:
  constexpr SchedClass(const char* name, u32 rank) : name_(name), rank_(rank) {}

  virtual void enqueue_task(Rq& rq, Task& p, u32 flags) const REQUIRES(rq.lock) = 0;
  virtual void dequeue_task(Rq& rq, Task& p, u32 flags) const REQUIRES(rq.lock) = 0;
  /// The current task gives way to others of its class.
  virtual void yield_task(Rq& rq) const REQUIRES(rq.lock);
  /// `p` became runnable; asks for a reschedule if `p` should run before rq.curr, both being of this class.
  virtual void wakeup_preempt(Rq& rq, Task& p, u32 flags) const REQUIRES(rq.lock);
  /// Last chance to fetch work before the CPU goes to a lower class. May drop and retake the rq lock; true
  /// when this class has work afterwards.
  virtual bool balance(Rq& rq, Task& prev) const REQUIRES(rq.lock);
  virtual Pick pick_task(Rq& rq) const REQUIRES(rq.lock) = 0;
  virtual void put_prev_task(Rq& rq, Task& p) const REQUIRES(rq.lock);
  virtual void set_next_task(Rq& rq, Task& p) const REQUIRES(rq.lock);
  /// A CPU of p.cpus_mask for `p` to run on. pi_lock held, no rq lock.
  virtual CpuId select_task_rq(Task& p, CpuId prev_cpu, u32 flags) const = 0;
  virtual void task_tick(Rq& rq, Task& curr) const REQUIRES(rq.lock);
  /// Charges the time since the last call to the running task.
  virtual void update_curr(Rq& rq) const REQUIRES(rq.lock);

  const char* name() const { return name_; }
  u32 rank() const { return rank_; }
  bool outranks(const SchedClass& other) const { return rank_ > other.rank_; }

 protected:
  ~SchedClass() = default;

 private:
  const char* name_;
  u32 rank_;
};

extern const SchedClass& stop_sched_class; // highest
extern const SchedClass& rr_sched_class;
extern const SchedClass& idle_sched_class; // lowest

/// Highest first; ends with idle, which always has a task. (A function: an array of the addresses would be
/// filled by an initialiser at run time, and nothing runs those.)
inline std::array<const SchedClass*, 3> sched_classes() {
  return {&stop_sched_class, &rr_sched_class, &idle_sched_class};
}

} // namespace runnel::sched
