// SPDX-License-Identifier: Apache-2.0
// What a trace's events add up to: who ran where and why, who waited for a CPU, who woke whom and how long
// that took. The JSON and the page show this; the text shows the events themselves.
#pragma once

#include "qemu/trace/log.hpp"

#include <optional>

namespace runnel::qemu {

/// A task on a CPU, from the switch to it until the switch away from it.
struct Slice {
  u32 cpu = 0, pid = 0;
  u64 start_ns = 0, end_ns = 0; // the trace's own when it ran before its beginning or after its end
  int prio = 0;
  trace::PickReason reason = trace::PickReason::kNone;
  bool has_values = false; // the pick's values were recorded
  u64 a = 0, b = 0;
  std::optional<u32> end_state = {}; // prev_state; none: it still ran when the trace ended
};

/// A wake-up, from the waker's act until the task ran.
struct Wakeup {
  u32 pid = 0;
  u64 waking_ns = 0;
  u32 waker_cpu = 0, waker_pid = 0; // where it was recorded, and who ran there
  bool by_interrupt = false;        // an interrupt's doing, not the waker's
  bool first = false;               // a new task's first
  u32 target_cpu = 0;
  u64 run_ns = 0; // when it ran; 0: not within the trace
  u32 run_cpu = 0;

  bool ran() const { return run_ns != 0; }
  u64 latency_ns() const { return run_ns - waking_ns; }
};

/// A task that could have run, and did not: after a wake-up, or preempted, or after a yield.
struct Wait {
  u32 pid = 0;
  u64 start_ns = 0, end_ns = 0;
  bool woken = false;
};

struct Interrupt {
  u32 cpu = 0;
  u64 start_ns = 0, end_ns = 0;
  u64 kind = 0, number = 0;
};

/// Any other event.
struct Mark {
  trace::Event event;
  u32 running_pid = 0; // on its CPU
};

struct Timeline {
  u64 start_ns = 0, end_ns = 0;
  std::vector<u32> cpus;
  std::vector<Slice> slices;   // by start; idle threads (pid 0) too
  std::vector<Wakeup> wakeups; // by waking_ns; of tasks that did not run when they were woken
  std::vector<Wait> waits;     // by start
  std::vector<Interrupt> interrupts;
  std::vector<Mark> marks;
  std::vector<Mark> accounts; // sched_stat_runtime: a mark too, but there are as many as switches
  std::vector<u32> pids;      // all but 0, ascending
};

Timeline make_timeline(const TraceLog& log);

} // namespace runnel::qemu
