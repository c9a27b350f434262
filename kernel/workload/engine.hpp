// SPDX-License-Identifier: Apache-2.0
// A workload in execution: its threads, its objects, and how it ends. One source for both grounds
// (ground.hpp). One lock guards the objects and the life of the threads; the figures of a thread are its own
// until it has ended.
#pragma once

#include "kernel/workload/array.hpp"
#include "kernel/workload/figures.hpp"
#include "kernel/workload/objects.hpp"
#include "kernel/workload/parse.hpp"

#include <atomic>
#include <sched/mutex.hpp>
#include <sched/sched.hpp>

namespace runnel::workload {

class Engine;

inline Instant now() { return sched::port::clock(); }

/// A periodic timer: where its next period ends.
struct PeriodicTimer {
  Instant next;
  bool started = false;
};

/// What a thread had done before its first event: not part of its figures.
struct Baseline {
  Instant begin;
  Duration run_time;
  sched::TaskStats stats;
};

struct WorkThread : Waiter {
  Engine* engine = nullptr;
  const TaskProgram* program = nullptr;
  u32 task_index = 0;
  u32 instance = 0;
  u32 pid = 0;
  // A reference, until joined. Whoever made the thread sets it, and so does the thread itself: either may be
  // first.
  std::atomic<sched::Task*> task{nullptr};
  Array<PeriodicTimer> own_timers;
  Array<std::byte> memory; // for `mem`

  // What it asked the scheduler for.
  SchedParams params;
  u64 cpus = 0;

  // The job in progress must end until then; kNever before the first `timer` event and in a phase without
  // one.
  Instant job_deadline = kNever;
  Instant job_begin; // not before: what a phase without timers took is no part of a job

  // Set by grant() under the engine's lock; the thread reads it without, hence atomic.
  std::atomic<bool> granted{false};
  Instant granted_at; // before `granted` (release), after it (acquire)

  Baseline baseline;
  Figures figures;
};

struct MutexObject {
  sched::Mutex mutex;
  MutexRecord record; // under the engine's lock
};

/// The objects of a workload, as many of each as it has.
struct Objects {
  Array<ConditionObject> conditions;
  Array<BarrierObject> barriers;
  Array<SemaphoreObject> semaphores;
  Array<PeriodicTimer> timers;
  Array<WaitList> suspended; // one per task
  /// False when memory runs out.
  [[nodiscard]] bool allocate(const Workload& program);
};

enum class Progress : u8 { kGoOn, kStop };

enum class Ending : u8 {
  kDuration, // the time was over
  kFinished, // every thread came to its end
  kStalled,  // every thread left waits for another one
  kRefused,  // the scheduler refused a task's attributes; refusal() says which and why
};

/// What the CPUs have done so far.
struct CpuSample {
  Instant when;
  sched::CpuStats cpus[kMaxCpus] = {};
  void take();
};

class Engine {
 public:
  explicit Engine(const Workload& program) : program_(program) {}
  ~Engine();
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  /// Creates all threads, gives them their attributes, lets them begin together, joins them. kNOMEM; kINVAL
  /// when a task may run on no CPU that is online. Attributes that are refused are no error here: see
  /// ending().
  Result<> run();

  // Of a run that is over.
  Ending ending() const { return ending_; }
  std::string_view refusal() const { return {refusal_, refusal_size_}; }
  Duration wall() const { return after_.when - before_.when; }
  const CpuSample& before() const { return before_; }
  const CpuSample& after() const { return after_; }
  u32 forks_refused() const;
  u32 thread_count() const;
  WorkThread& thread_at(u32 index) const;

  // For the threads.
  /// Waits until all threads are there and the run begins. kStop when it does not.
  Progress wait_for_start(WorkThread& self);
  /// Time is over, or the run is being stopped. Any thread; a hint that soon becomes true everywhere.
  bool over() const;
  Progress execute(WorkThread& self, const Event& event);
  /// Blocks until `when`, records the latency. kStop when the run is over before.
  Progress sleep_to(WorkThread& self, Instant when);
  /// Asks for a phase's attributes, if it has any. kStop when they are refused: the run is over then.
  Progress apply(WorkThread& self, const Phase& phase);
  /// `last`: kStop when the thread was cut short.
  void thread_ended(WorkThread& self, Progress last);
  Instant start() const { return start_; }
  const Workload& program() const { return program_; }

 private:
  Result<WorkThread*> create(u32 task_index, u32 instance);
  bool allocate_objects();
  Result<> prepare();
  void wait_for_threads();
  bool set_attributes();
  void begin();
  void add(WorkThread& thread);
  void wait_for_end();
  bool has_ended() REQUIRES(lock_);
  bool is_stalled();
  void stop();
  /// False: refused, and that ends the run.
  bool ask(WorkThread& thread, const SchedParams& params, std::string_view phase);
  void refuse(const WorkThread& thread, std::string_view phase, const SchedParams& params, Errno error);

  Progress burn_until(WorkThread& self, Instant when);
  Progress burn_cpu_time(WorkThread& self, Duration length);
  Progress write_memory(WorkThread& self, u64 bytes);
  Progress wait_timer(WorkThread& self, const Event& event);
  static Duration relative_deadline(const WorkThread& self, Duration period);
  void end_job(WorkThread& self, Instant release, Duration period);
  Progress lock_mutex(WorkThread& self, MutexObject& object);
  /// False when `self` does not own it.
  bool give_up(WorkThread& self, MutexRecord& record) REQUIRES(lock_);
  bool unlock_if_owned(WorkThread& self, MutexObject& object);
  Progress wait_condition(WorkThread& self, const Event& event);
  Progress synchronise(WorkThread& self, const Event& event);
  Outcome operate(WorkThread& self, const Event& event) REQUIRES(lock_);
  Progress park(WorkThread& self);
  void count_latency(WorkThread& self, Instant since);
  void grant(WorkThread& thread) REQUIRES(lock_);
  void now_waits() REQUIRES(lock_);
  Progress misuse(WorkThread& self);
  void fork(u32 task_index);

  const Workload& program_;
  Instant start_;
  Instant deadline_ = kNever;
  sched::Task* main_ = nullptr;
  std::atomic<bool> started_{false};
  std::atomic<bool> stopping_{false};
  Array<MutexObject> mutexes_; // the records in them under lock_

  mutable ground::SpinLock lock_{ground::LockRank::kWorkload};
  u32 arrived_ GUARDED_BY(lock_) = 0; // threads that wait for the start
  u32 failed_ GUARDED_BY(lock_) = 0;  // threads that could not be made
  u32 alive_ GUARDED_BY(lock_) = 0;
  u32 waiting_ GUARDED_BY(lock_) = 0;        // parked, or asking for a mutex that is not free
  u64 progress_ GUARDED_BY(lock_) = 0;       // waits that have ended
  bool cut_short_ GUARDED_BY(lock_) = false; // a thread ended because the time was over
  Objects objects_ GUARDED_BY(lock_);
  u32 forks_[kMaxTasks] GUARDED_BY(lock_) = {}; // of each task, so far
  u32 forks_begun_ GUARDED_BY(lock_) = 0;       // being created: each has a place in threads_
  u32 forks_refused_ GUARDED_BY(lock_) = 0;
  WorkThread* threads_[kMaxThreads] GUARDED_BY(lock_) = {};
  u32 thread_count_ GUARDED_BY(lock_) = 0;

  char refusal_[256] = {};
  usize refusal_size_ = 0;
  std::atomic<bool> refused_{false}; // once: who sets it writes the text

  Ending ending_ = Ending::kFinished;
  CpuSample before_, after_;
};

/// Body of every thread of a workload; `arg` is its WorkThread.
void thread_body(void* arg);

} // namespace runnel::workload
