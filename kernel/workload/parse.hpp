// SPDX-License-Identifier: Apache-2.0
// The workload as the kernel executes it, and the parser of its text form. Pure: no allocation, no kernel
// services.
//
// Text form, version 2: lines of words separated by single spaces, times in nanoseconds.
//   runnel-workload 2
//   duration N                           0: until all threads have ended
//   objects mutexes=N conditions=N semaphores=N timers=N
//   barrier-users N                      one line per barrier: threads that meet there
//   task NAME instances=N loop=N delay=N timers=N [attributes]        then its phases
//   phase NAME loop=N [attributes]                                    then its events, at least one
//   run N | runtime N | sleep N | timer own|shared INDEX PERIOD relative|absolute | lock M | unlock M
//   wait C M | signal C | broadcast C | sync C M | barrier B | suspend | resume TASK | yield | fork TASK
//   sem-post S | sem-wait S | mark N | mem BYTES
//   end                                  the last line: without it the text is cut off
// Attributes: cpus=0xMASK, and what sched_setattr is to be asked for, of which policy comes first:
//   policy=other|batch|idle [nice=N] [runtime=N]    runtime: custom slice
//   policy=rr|fifo priority=N
//   policy=deadline runtime=N deadline=N period=N
// A loop count of -1 means for ever. Written by qemu/scenario/compile.cpp.
#pragma once

#include "kernel/lib/types.hpp"

#include <expected>
#include <span>
#include <string_view>

namespace runnel::workload {

inline constexpr u32 kFormatVersion = 2;
inline constexpr u32 kMaxThreads = 512;
inline constexpr u32 kMaxTasks = 256;
inline constexpr u32 kMaxPhases = 1024;
inline constexpr u32 kMaxEvents = 4096;
inline constexpr u32 kMaxObjects = 256;
inline constexpr u32 kMaxNameLength = 31;
inline constexpr u64 kMaxTimeNs = 3'600'000'000'000;
inline constexpr u64 kMaxNumber = 1'000'000'000;
inline constexpr i64 kForever = -1;

enum class EventKind : u8 {
  kRun,
  kRuntime,
  kSleep,
  kTimer,
  kLock,
  kUnlock,
  kWait,
  kSignal,
  kBroadcast,
  kSync,
  kBarrier,
  kSuspend,
  kResume,
  kYield,
  kFork,
  kSemPost,
  kSemWait,
  kMark, // `ns` is a number for the trace
  kMem,  // `ns` is a number of bytes to write
};

struct Event {
  u64 ns = 0;
  EventKind kind{};
  bool own_timer = false;
  bool absolute = false;
  u16 object = 0;
  u16 mutex = 0;
};

enum class Policy : u8 { kOther, kBatch, kIdle, kRr, kFifo, kDeadline };
std::string_view to_string(Policy policy);

/// What sched_setattr is asked for.
struct SchedParams {
  Policy policy = Policy::kOther;
  i32 nice = 0;                                       // other, batch, idle
  u32 priority = 0;                                   // rr, fifo
  u64 runtime_ns = 0, deadline_ns = 0, period_ns = 0; // deadline; other, batch, idle: runtime is the slice
};

struct Attributes {
  bool has_sched = false;
  SchedParams sched;
  u64 cpus = 0; // bit n: CPU n; 0: not given
};

struct Phase {
  std::string_view name; // into the text
  i64 loop = 1;
  Attributes attributes;
  u16 first_event = 0;
  u16 event_count = 0;
};

struct TaskProgram {
  std::string_view name; // into the text
  u32 instances = 0;
  i64 loop = kForever;
  Duration delay;
  u16 own_timers = 0;
  Attributes attributes;
  u16 first_phase = 0;
  u16 phase_count = 0;
};

/// Everything of one workload. About 200 KiB: never on a stack.
struct Workload {
  Duration duration; // zero: until all threads have ended
  u16 mutexes = 0, conditions = 0, semaphores = 0, timers = 0, barriers = 0;
  u16 task_count = 0, phase_count = 0, event_count = 0;
  u16 barrier_users[kMaxObjects] = {};
  TaskProgram tasks[kMaxTasks] = {};
  Phase phases[kMaxPhases] = {};
  Event events[kMaxEvents] = {};

  std::span<const Phase> phases_of(const TaskProgram& task) const {
    return {phases + task.first_phase, task.phase_count};
  }
  std::span<const Event> events_of(const Phase& phase) const {
    return {events + phase.first_event, phase.event_count};
  }
};

struct ParseError {
  u32 line = 0;          // from 1
  std::string_view what; // static text: what would be right
  std::string_view word; // of the input; may be empty
};

/// Fills `out`, which is fresh. Names in it point into `text`, which must outlive it. On success every index
/// is in range, every task has a phase and every phase an event.
std::expected<void, ParseError> parse_workload(std::string_view text, Workload& out);

} // namespace runnel::workload
