// SPDX-License-Identifier: Apache-2.0
// The per-CPU runqueue (spec 1.1) and its locks (spec 1.2).
#pragma once

#include "kernel/lib/thread_safety.hpp"

#include <sched/balance_callback.hpp>
#include <sched/load.hpp>
#include <sched/schedstat.hpp>
#include <sched/task.hpp>
#include <sched/topology.hpp>

namespace runnel::sched {

class SchedClass;
struct Rq;

/// One request to the CPU's stopper thread: runs `fn(arg)` there in the highest class. The request is over,
/// and may be used again, when `queued` is 0.
struct StopWork {
  void (*fn)(void* arg) = nullptr;
  void* arg = nullptr;
  ListNode node;
  std::atomic<u32> done{0};   // release after fn; pairs with the acquire of the waiter
  std::atomic<u32> queued{0}; // for requests nobody waits for
};

struct alignas(kCacheLine) Rq {
  port::Lock lock{port::LockRank::kRq};
  CpuId cpu;

  // Everything to the next blank line is protected by `lock`.
  u32 nr_running GUARDED_BY(lock) = 0; // runnable tasks of all classes but idle, the running one included
  Task* curr = nullptr;  // who executes; written by the owner CPU in schedule(); others look under the lock
  Task* donor = nullptr; // who was picked and is charged; differs from curr under proxy execution only
  Task* idle = nullptr;
  Task* stop = nullptr;
  const SchedClass* next_class = nullptr; // class of the last pick, raised by wake-ups (spec 2.3)
  FairRq fair;
  RtRq rt;
  DlRq dl;
  DlEntity* dl_server = nullptr; // the server that produced the pick in progress
  RootDomain* rd = nullptr;
  SchedDomain* sd = nullptr; // lowest domain; read under RcuReadGuard
  bool online = false;       // published to rt and deadline balancing
  bool balance_push = false; // the CPU is going down: push everything away (spec 1.20)
  BalanceCallback* balance_callbacks = nullptr;
  BalanceCallback push_everything;
  StopWork hotplug_work;          // the task that is being pushed away
  Task* hotplug_waiter = nullptr; // who waits until the CPU is empty
  bool push_busy = false;
  StopWork push_work;
  Instant clock;      // as of the last update_rq_clock; never backwards
  Instant clock_task; // clock without the time spent in interrupts
  Duration irq_time_seen;
  u32 clock_flags = 0;
  Duration idle_time; // total time the idle thread was current
  Instant idle_since;
  Instant counted_since; // idle_time and what is not idle
  Instant idle_stamp;
  Duration avg_idle;
  u64 nr_switches = 0;
  RqCounts counts;
  BalanceState balance; // of fair tasks; its fields say who may touch them
  StopWork active_work; // the request behind balance.active_balance
  u32 random = 1;       // xorshift state of this CPU's draws
  bool tick_running = false;

  port::Lock stopper_lock{port::LockRank::kStopper};
  List<StopWork, &StopWork::node> stop_works GUARDED_BY(stopper_lock);

  std::atomic<Task*> wake_list{nullptr}; // lock-free stack of remote wake-ups (B9)
  std::atomic<u32> ttwu_pending{0};      // wake-ups on that list that are not yet enqueued
  std::atomic<u32> nr_pinned{0};         // migrate-disabled tasks that belong here
  std::atomic<u32> nr_running_hint{0};   // nr_running, readable without the lock for placement

  Rq() = default;
  Rq(const Rq&) = delete;
  Rq& operator=(const Rq&) = delete;
};

Rq& cpu_rq(CpuId cpu);
inline Rq& this_rq() { return cpu_rq(port::this_cpu()); }
inline Rq& task_rq(const Task& p) { return cpu_rq(p.task_cpu()); }

/// Spec 1.6: nothing runs there and nothing is about to. A hint: exact only under the lock.
bool cpu_is_idle(CpuId cpu);
/// Next draw of this rq's pseudo-random sequence.
u32 rq_random(Rq& rq);

/// Brings rq.clock and rq.clock_task up to now. Once in each section that holds the lock and looks at time; a
/// second call in one section changes nothing unless time passed.
void update_rq_clock(Rq& rq) REQUIRES(rq.lock);
/// The two clocks; debug builds check that they were updated in this section (spec 1.12).
Instant rq_clock(const Rq& rq) REQUIRES(rq.lock);
Instant rq_clock_task(const Rq& rq) REQUIRES(rq.lock);

/// Asks rq's CPU to call schedule() soon (spec 1.11): flag, and an IPI when the CPU is another one that does
/// not poll.
void resched_curr(Rq& rq) REQUIRES(rq.lock);
/// The same, but not before the next tick or return to user when features.lazy_preempt.
void resched_curr_lazy(Rq& rq) REQUIRES(rq.lock);

void activate_task(Rq& rq, Task& p, u32 flags) REQUIRES(rq.lock);
/// False: the class delays the dequeue (fair only); the task stays queued, marked sched_delayed.
bool deactivate_task(Rq& rq, Task& p, u32 flags) REQUIRES(rq.lock);
/// What the class calls, as its last act on `p`, when a delayed task really leaves: nr_running falls, on_rq
/// becomes kNo.
void finish_delayed_dequeue(Rq& rq, Task& p) REQUIRES(rq.lock);
/// Every class's enqueue_task and dequeue_task count the task in rq.nr_running with these (a throttled one is
/// not counted, a delayed one is until finish_delayed_dequeue).
void add_nr_running(Rq& rq, u32 n) REQUIRES(rq.lock);
void sub_nr_running(Rq& rq, u32 n) REQUIRES(rq.lock);
/// After `p` was activated: does it preempt what runs (spec 2.3)?
void wakeup_preempt(Rq& rq, Task& p, u32 flags) REQUIRES(rq.lock);

/// Moves `p`'s cpu field under rule L7; calls the class's migrate_task_rq.
void set_task_cpu(Task& p, CpuId cpu);
/// `p` may run on `cpu` (spec 1.16 A2).
bool is_cpu_allowed(const Task& p, CpuId cpu);
/// Whether a CPU other than the one it is on could have it.
inline bool can_move(const Task& p) { return p.nr_cpus_allowed > 1 && p.migration_disabled == 0; }

/// Moves a queued, not running task; both locks are held and stay held.
void move_queued_task(Rq& from, Rq& to, Task& p) REQUIRES(from.lock, to.lock);

/// Runs `callback.fn(rq)` once schedule() or the public call that holds the lock is about to release it (L9).
void queue_balance_callback(Rq& rq, BalanceCallback& callback, void (*fn)(Rq&)) REQUIRES(rq.lock);
/// Runs what is queued.
void run_balance_callbacks(Rq& rq) REQUIRES(rq.lock);
/// Callbacks that were queued inside a change of a task (spec 2.2 step 7): taken while rq.lock is held, run
/// when this goes out of scope. Declare it before the guard of pi_lock: a callback may wake a stopper, and
/// that takes another pi_lock.
class DeferredCallbacks {
 public:
  DeferredCallbacks() = default;
  ~DeferredCallbacks();
  DeferredCallbacks(const DeferredCallbacks&) = delete;
  DeferredCallbacks& operator=(const DeferredCallbacks&) = delete;
  /// All but push_everything, which stays with its CPU.
  void take(Rq& rq) REQUIRES(rq.lock);

 private:
  port::PreemptGuard
      no_preempt_; // a callback may ask for a reschedule of this CPU: the guard's end acts on it
  Rq* rq_ = nullptr;
  BalanceCallback* list_ = nullptr;
};

/// Forgets what is queued but keeps push_everything (spec 6, P08).
void zap_balance_callbacks(Rq& rq) REQUIRES(rq.lock);

/// Sends `p`, which runs on rq's CPU, to `fn` in the stopper without waiting; one request an rq at a time
/// (push_busy, push_work). The lock is dropped and retaken. False: the CPU left for good meanwhile, and fn is
/// not going to run; this cannot happen to a CPU that calls it for itself.
[[nodiscard]] bool stop_one_cpu_nowait(Rq& rq, StopWork& work, void (*fn)(void*), void* arg);

/// rq.lock with preemption off; interrupts are off already. Every section begins with unread clocks.
void rq_lock(Rq& rq) ACQUIRE(rq.lock);
void rq_unlock(Rq& rq) RELEASE(rq.lock);

/// L3 "double lock balance": `rq` is held; releases it, takes both in order. What was known of either must be
/// looked at again.
void double_lock_balance(Rq& rq, Rq& other) REQUIRES(rq.lock) ACQUIRE(other.lock);
void double_unlock_balance(Rq& rq, Rq& other) REQUIRES(rq.lock) RELEASE(other.lock);

/// An rq's lock with interrupts off.
class SCOPED_CAPABILITY RqLock {
 public:
  explicit RqLock(Rq& rq) ACQUIRE(rq.lock);
  ~RqLock() RELEASE();
  RqLock(const RqLock&) = delete;
  RqLock& operator=(const RqLock&) = delete;

 private:
  Rq& rq_;
  port::IrqGuard irqs_off_;
};

/// Two runqueue locks in the order of rule L2. Interrupts are off. The two may be one.
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
