// SPDX-License-Identifier: Apache-2.0
// A scenario after reading: rt-app's grammar with every name resolved and every number checked.
// docs/scenarios.md says what each key means.
#pragma once

#include "kernel/lib/types.hpp"
#include "qemu/scenario/expect.hpp"

#include <optional>
#include <string>
#include <vector>

namespace runnel::scenario {

// Limits; the kernel's parser (kernel/workload/parse.hpp) has the same ones.
inline constexpr u32 kMaxScenarioCpus = 64; // a mask of CPUs is one word
inline constexpr u32 kMaxThreads = 512;     // over a whole run, forked ones included
inline constexpr u32 kMaxTasks = 256;
inline constexpr u32 kMaxPhases = 1024; // over all tasks
inline constexpr u32 kMaxEvents = 4096; // over all phases
inline constexpr u32 kMaxObjects = 256; // of each kind: mutexes, conditions, barriers, ...
inline constexpr u32 kMaxNameLength = 31;
inline constexpr u64 kMaxMicroseconds = 3'600'000'000; // one hour, for every single time in a file
inline constexpr i64 kMaxLoops = 1'000'000'000;
inline constexpr i64 kMaxNumber = 1'000'000'000; // of `mark` and `mem`

enum class EventKind : u8 {
  kRun,     // ns of own CPU time
  kRuntime, // busy for ns of wall time
  kSleep,   // ns from now
  kTimer,   // until the timer's next period
  kLock,
  kUnlock,
  kWait,   // condition `object`, mutex `mutex`
  kSignal, // condition `object`
  kBroadcast,
  kSync, // signal, then wait
  kBarrier,
  kSuspend,
  kResume, // task `object`
  kYield,
  kFork, // task `object`
  kSemPost,
  kSemWait,
  kMark, // `number` into the trace
  kMem,  // `number` bytes of memory written
};

enum class TimerScope : u8 { kShared /* by all threads */, kOwn /* of each thread: "unique..." */ };
enum class TimerMode : u8 { kRelative, kAbsolute };

struct Event {
  EventKind kind{};
  u64 ns = 0; // length or period
  u64 number = 0;
  u32 object = 0; // index of mutex, condition, barrier, semaphore, timer or task
  u32 mutex = 0;
  TimerScope scope = TimerScope::kShared;
  TimerMode mode = TimerMode::kRelative;
};

enum class Policy : u8 { kOther, kBatch, kIdle, kRr, kFifo, kDeadline };

/// What sched_setattr is asked for, complete.
struct SchedParams {
  Policy policy = Policy::kOther;
  i32 nice = 0;     // OTHER, BATCH, IDLE
  i32 priority = 0; // FIFO, RR: 1..99
  u64 slice_ns = 0; // OTHER, BATCH, IDLE: custom slice; 0: the scheduler's own
  u64 dl_runtime_ns = 0, dl_deadline_ns = 0, dl_period_ns = 0;
  bool operator==(const SchedParams&) const = default;
};

/// Attributes of a task or phase. A task's `sched` is always set; a phase's only when it says anything about
/// it, and then what it leaves out is taken from the phase before it in the file, or else from the task.
struct Attributes {
  std::optional<SchedParams> sched;
  std::optional<u64> cpus; // bit n: CPU n
};

struct Phase {
  std::string name;
  i64 loop = 1; // -1: for ever
  Attributes attributes;
  std::vector<Event> events;
};

struct Task {
  std::string name;
  u32 instances = 1; // 0: only forked
  i64 loop = -1;
  u64 delay_ns = 0;
  u32 own_timers = 0;
  Attributes attributes;
  std::vector<Phase> phases;
};

struct Scenario {
  std::string file;
  std::optional<u64> duration_ns; // none: until every thread has ended
  std::optional<u32> cpus;        // what the machine should have, unless the command line says otherwise
  std::vector<Task> tasks;
  std::vector<std::string> mutexes, conditions, semaphores, barriers, timers; // names; events hold indices
  std::vector<u32> barrier_users;
  std::vector<Expectation> expectations; // in the order of the file

  /// Threads created at the start.
  u32 initial_threads() const;
  /// One past the highest CPU number named in any `cpus` of a task or phase; 0 when none is. The machine
  /// needs that many.
  u32 cpus_needed() const;
  /// CPUs of the machine when the command line does not say.
  u32 default_cpus() const;
};

} // namespace runnel::scenario
