// SPDX-License-Identifier: Apache-2.0
// A workload in execution: its threads, its objects, and how it ends. One lock guards the objects and the
// life of the threads; the figures of a thread are its own until it has ended.
#pragma once

#include "kernel/sync/spinlock.hpp"
#include "kernel/task/kthread.hpp"
#include "kernel/workload/histogram.hpp"
#include "kernel/workload/objects.hpp"
#include "kernel/workload/parse.hpp"

#include <arch/cpu.hpp>
#include <atomic>
#include <optional>

namespace runnel::workload {

class Engine;

/// A periodic timer: where its next period ends.
struct PeriodicTimer {
  Instant next;
  bool started = false;
};

/// What one thread did. Written by the thread, read after it was joined.
struct Figures {
  Histogram latency;
  u64 activations = 0; // wake-ups: sleeps and timers that ended, waits that were granted
  u64 loops = 0;       // complete passes over all phases
  u64 overruns = 0;    // timers whose period was over before the thread came to wait
  u64 misuses = 0;     // events that made no sense: unlock of what is not held, ...
  u64 yield_switches = 0;
  Duration run_time, lifetime;
  u64 voluntary = 0, preemptions = 0, migrations = 0;
};

struct WorkThread : Waiter {
  Engine* engine = nullptr;
  const TaskProgram* program = nullptr;
  u32 task_index = 0;
  u32 instance = 0;
  u32 pid = 0;
  Task* task = nullptr; // a reference, until joined
  PeriodicTimer* own_timers = nullptr;

  // Set by grant() under the engine's lock; the thread reads it without, hence atomic.
  std::atomic<bool> granted{false};
  Instant granted_at; // before `granted` (release), after it (acquire)

  Figures figures;
};

/// The objects of a workload, as many of each as it has.
struct Objects {
  Objects() = default;
  Objects(const Objects&) = delete;
  Objects& operator=(const Objects&) = delete;
  ~Objects();
  /// False when memory runs out.
  bool allocate(const Workload& program);

  MutexObject* mutexes = nullptr;
  ConditionObject* conditions = nullptr;
  BarrierObject* barriers = nullptr;
  SemaphoreObject* semaphores = nullptr;
  PeriodicTimer* timers = nullptr;
  WaitList* suspended = nullptr; // one per task
};

enum class Progress : u8 { kGoOn, kStop };

enum class Ending : u8 {
  kDuration, // the time was over
  kFinished, // every thread came to its end
  kStalled,  // every thread left waits for another one
};

class Engine {
 public:
  explicit Engine(const Workload& program) : program_(program) {}
  ~Engine();
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  /// Creates all threads, runs them, joins them. kNOMEM; kINVAL when a task may run on no CPU that is online.
  Result<> run();

  // Of a run that is over.
  Ending ending() const { return ending_; }
  Duration wall() const { return wall_; }
  u32 forks_refused() const;
  u32 thread_count() const;
  WorkThread& thread_at(u32 index) const;

  // For the threads.
  /// Time is over, or the run is being stopped. Any thread; a hint that soon becomes true everywhere.
  bool over() const;
  Progress execute(WorkThread& self, const Event& event);
  /// Blocks until `when`, records the latency. kStop when the run is over before.
  Progress sleep_to(WorkThread& self, Instant when);
  /// `last`: kStop when the thread was cut short.
  void thread_ended(WorkThread& self, Progress last);
  Instant start() const { return start_; }
  const Workload& program() const { return program_; }

 private:
  Result<WorkThread*> create(u32 task_index, u32 instance);
  void destroy(WorkThread* thread);
  bool allocate_objects();
  Result<> prepare();
  void add(WorkThread& thread);
  void wait_for_end();
  void stop();

  Progress wait_timer(WorkThread& self, const Event& event);
  Progress synchronise(WorkThread& self, const Event& event);
  Outcome operate(WorkThread& self, const Event& event) REQUIRES(lock_);
  Progress park(WorkThread& self);
  void grant(WorkThread& thread) REQUIRES(lock_);
  void check_stalled() REQUIRES(lock_);
  void fork(u32 task_index);

  const Workload& program_;
  Instant start_;
  Instant deadline_ = kNever;
  Task* main_ = nullptr;
  std::atomic<bool> stopping_{false};

  mutable SpinLock lock_{LockRank::kWorkload};
  u32 alive_ GUARDED_BY(lock_) = 0;
  u32 parked_ GUARDED_BY(lock_) = 0;
  bool stalled_ GUARDED_BY(lock_) = false;
  bool cut_short_ GUARDED_BY(lock_) = false; // a thread ended because the time was over
  Objects objects_ GUARDED_BY(lock_);
  u32 forks_[kMaxTasks] GUARDED_BY(lock_) = {}; // of each task, so far
  u32 forks_begun_ GUARDED_BY(lock_) = 0;       // being created: each has a place in threads_
  u32 forks_refused_ GUARDED_BY(lock_) = 0;
  WorkThread* threads_[kMaxThreads] GUARDED_BY(lock_) = {};
  u32 thread_count_ GUARDED_BY(lock_) = 0;

  Ending ending_ = Ending::kFinished;
  Duration wall_;
};

/// Body of every thread of a workload; `arg` is its WorkThread.
void thread_body(void* arg);

/// Keeps the CPU busy for about a microsecond of emulated work.
void burn();

} // namespace runnel::workload
