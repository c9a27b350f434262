// SPDX-License-Identifier: Apache-2.0
// What a scheduling class does for the core (spec 2.1). Classes are asked from the highest rank down; a hook
// that a class leaves out does nothing. All hooks but those marked are called with the rq lock held.
#pragma once

#include "kernel/lib/trace_event.hpp"

#include <array>
#include <sched/features.hpp>
#include <sched/rq.hpp>

namespace runnel::sched {

/// Flags of enqueue_task and dequeue_task (spec 2.1, the reference's values).
enum EnqueueFlag : u32 {
  kEnqueueWakeup = 0x1,
  kDequeueSleep = 0x1,
  kFlagSave = 0x2, // dequeue: SAVE, enqueue: RESTORE
  kFlagMove = 0x4,
  kFlagNoclock = 0x8,
  kFlagMigrating = 0x10,
  kFlagDelayed = 0x20,
  kFlagClass = 0x40, // the class changes
  kDequeueSpecial = 0x10000,
  kDequeueThrottle = 0x20000,
  kEnqueueHead = 0x10000,
  kEnqueueReplenish = 0x20000,
  kEnqueueMigrated = 0x40000,
  kEnqueueInitial = 0x80000,
  kEnqueueRqSelected = 0x100000,
};

/// Flags of a wake-up (spec 2.1).
enum WakeFlag : u32 {
  kWakeExec = 0x2,
  kWakeFork = 0x4,
  kWakeTtwu = 0x8,
  kWakeSync = 0x10,
  kWakeMigrated = 0x20,
  kWakeCurrentCpu = 0x40,
  kWakeRqSelected = 0x80,
};

struct Pick {
  Task* task = nullptr; // nullptr: this class has nothing
  trace::PickReason reason = trace::PickReason::kNone;
  u64 a = 0; // the values that decided (trace::PickReason says which)
  u64 b = 0;
  bool retry = false; // the lock was dropped and something higher may have arrived: ask again from the top

  static constexpr Pick again() { return {nullptr, trace::PickReason::kNone, 0, 0, true}; }
};

enum class SetNext {
  kPicked,
  kRestored
}; // spec 2.1 `first`: kPicked begins a stint, kRestored resumes after a change
enum class Tick { kPeriodic, kHrtick };

class SchedClass {
 public:
  constexpr SchedClass(const char* name, u32 rank) : name_(name), rank_(rank) {}

  virtual void enqueue_task(Rq& rq, Task& p, u32 flags) const REQUIRES(rq.lock) = 0;
  /// False only with kDequeueSleep, and only for fair: the task stays queued as sched_delayed.
  virtual bool dequeue_task(Rq& rq, Task& p, u32 flags) const REQUIRES(rq.lock) = 0;
  /// The donor gives way to others of its class. The rq clock is not up to date.
  virtual void yield_task(Rq& rq) const REQUIRES(rq.lock);
  /// `p` became runnable; rq.next_class is this class. Asks for a reschedule if `p` should run before the
  /// donor. Must tolerate `p` of a higher class.
  virtual void wakeup_preempt(Rq& rq, Task& p, u32 wake_flags) const REQUIRES(rq.lock);
  /// Tries to obtain work before prev is put. May drop and retake the rq lock. True: this class or a higher
  /// one has work.
  virtual bool balance(Rq& rq, Task& prev) const REQUIRES(rq.lock);
  /// Chooses; no side effect on accounting.
  virtual Pick pick_task(Rq& rq) const REQUIRES(rq.lock) = 0;
  /// The scheduling context leaves / enters `p`. `next`: who follows, nullptr in a change (spec 2.2).
  virtual void put_prev_task(Rq& rq, Task& p, Task* next) const REQUIRES(rq.lock);
  virtual void set_next_task(Rq& rq, Task& p, SetNext how) const REQUIRES(rq.lock);
  /// A CPU for a wake-up, fork or exec. p.pi_lock held, no rq lock. The core checks the answer.
  virtual CpuId select_task_rq(Task& p, CpuId prev_cpu, u32 wake_flags) const = 0;
  /// p.cpu is about to become `cpu`. pi_lock or rq lock (L7).
  virtual void migrate_task_rq(Task& p, CpuId cpu) const;
  /// A wake-up of `p` is complete; may drop the lock (push).
  virtual void task_woken(Rq& rq, Task& p) const REQUIRES(rq.lock);
  /// The mask is being changed: cpus_mask and nr_cpus_allowed are the new ones afterwards. Inside a change
  /// (2.2).
  virtual void set_cpus_allowed(Rq& rq, Task& p, const CpuMask& mask) const REQUIRES(rq.lock);
  virtual void rq_online(Rq& rq) const REQUIRES(rq.lock);
  virtual void rq_offline(Rq& rq) const REQUIRES(rq.lock);
  /// Target for pushing the running `p` away, locked as well; nullptr: none. Only rt and deadline.
  virtual Rq* find_lock_rq(Task& p, Rq& rq) const;
  virtual void task_tick(Rq& rq, Task& donor, Tick kind) const REQUIRES(rq.lock);
  /// `p` is a new child of the current task, not yet runnable. pi_lock held, no rq lock.
  virtual void task_fork(Task& p) const;
  /// `p` is dead and off its CPU. No locks.
  virtual void task_dead(Task& p) const;
  /// Change of class (spec 2.2).
  virtual void switching_from(Rq& rq, Task& p) const REQUIRES(rq.lock);
  virtual void switched_from(Rq& rq, Task& p) const REQUIRES(rq.lock);
  virtual void switching_to(Rq& rq, Task& p) const REQUIRES(rq.lock);
  virtual void switched_to(Rq& rq, Task& p) const REQUIRES(rq.lock);
  /// Change of priority inside the class: get_prio before, prio_changed after.
  virtual u64 get_prio(Rq& rq, Task& p) const REQUIRES(rq.lock);
  virtual void prio_changed(Rq& rq, Task& p, u64 old_prio) const REQUIRES(rq.lock);
  virtual void reweight_task(Rq& rq, Task& p, u32 weight) const REQUIRES(rq.lock);
  /// What sched_rr_get_interval answers.
  virtual Duration get_rr_interval(Rq& rq, Task& p) const REQUIRES(rq.lock);
  /// Charges the time since the last call to the donor.
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
extern const SchedClass& dl_sched_class;
extern const SchedClass& rt_sched_class;
extern const SchedClass& fair_sched_class;
extern const SchedClass& idle_sched_class; // lowest

/// Highest first; ends with idle, which always has a task. (A function: an array of the addresses would be
/// filled by an initialiser at run time, and nothing runs those.)
inline std::array<const SchedClass*, 5> sched_classes() {
  return {&stop_sched_class, &dl_sched_class, &rt_sched_class, &fair_sched_class, &idle_sched_class};
}

/// The common part of every class's update_curr (spec 3.6, 6): time since the last call by clock_task, which
/// goes to the executing task's sum_exec_runtime and is returned for the class to charge to the donor. Zero
/// or more.
Duration update_curr_common(Rq& rq) REQUIRES(rq.lock);

/// The class that serves `prio` (spec 0).
const SchedClass& class_of(Policy policy, i32 prio);

/// Change protocol of spec 2.2 as a scope: the constructor takes `p` off (dequeue, put_prev), the parameters
/// are changed inside, the destructor puts it back by its new class and tells the classes. pi_lock and rq
/// lock are held, the clock is updated. Afterwards the callbacks are due: DeferredCallbacks.
class SchedChange {
 public:
  /// `next_class`: the class after the change. flags: kFlagSave, kFlagMove as needed; kFlagClass is added
  /// here.
  SchedChange(Rq& rq, Task& p, const SchedClass& next_class, u32 flags);
  ~SchedChange();
  SchedChange(const SchedChange&) = delete;
  SchedChange& operator=(const SchedChange&) = delete;
  /// The task's user-visible priority went down: it is put back at the head of its new list (step 4).
  void enqueue_at_head() { flags_ |= kEnqueueHead; }
  /// The task begins to use other deadline parameters: a new instance by them (spec 5.9).
  void replenish() { flags_ |= kEnqueueReplenish; }

 private:
  Rq& rq_;
  Task& p_;
  const SchedClass* prev_class_;
  const SchedClass* next_class_;
  u32 flags_;
  u64 old_prio_ = 0;
  bool queued_;
  bool running_;
};

} // namespace runnel::sched
