// SPDX-License-Identifier: Apache-2.0
// libFuzzer target: the kernel's workload parser. Whatever it accepts must be safe to execute: every index in
// range.
#include "kernel/workload/parse.hpp"

#include <cstdlib>
#include <memory>

namespace {

using namespace runnel::workload;

void require(bool condition) {
  if (!condition) std::abort();
}

void check_event(const Workload& w, const TaskProgram& task, const Event& event) {
  using enum EventKind;
  switch (event.kind) {
  case kTimer:
    return require(event.object < (event.own_timer ? task.own_timers : w.timers));
  case kLock:
  case kUnlock:
    return require(event.object < w.mutexes);
  case kWait:
  case kSync:
    return require(event.object < w.conditions && event.mutex < w.mutexes);
  case kSignal:
  case kBroadcast:
    return require(event.object < w.conditions);
  case kBarrier:
    return require(event.object < w.barriers);
  case kSemPost:
  case kSemWait:
    return require(event.object < w.semaphores);
  case kResume:
  case kFork:
    return require(event.object < w.task_count);
  default:
    return require(event.ns <= kMaxTimeNs);
  }
}

void check_attributes(const Attributes& attributes) {
  if (!attributes.has_sched) return;
  const SchedParams& sched = attributes.sched;
  const bool realtime = sched.policy == Policy::kRr || sched.policy == Policy::kFifo;
  require(realtime == (sched.priority != 0) && sched.priority <= 99 && sched.nice >= -20 && sched.nice <= 19);
  if (sched.policy == Policy::kDeadline)
    require(sched.runtime_ns != 0 && sched.runtime_ns <= sched.deadline_ns &&
            sched.deadline_ns <= sched.period_ns);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto w = std::make_unique<Workload>();
  if (!parse_workload({reinterpret_cast<const char*>(data), size}, *w)) return 0;
  runnel::u64 threads = 0;
  for (runnel::u32 i = 0; i < w->task_count; ++i) {
    const TaskProgram& task = w->tasks[i];
    threads += task.instances;
    check_attributes(task.attributes);
    require(task.phase_count != 0 && task.first_phase + task.phase_count <= w->phase_count);
    for (const Phase& phase : w->phases_of(task)) {
      check_attributes(phase.attributes);
      require(phase.event_count != 0 && phase.first_event + phase.event_count <= w->event_count);
      for (const Event& event : w->events_of(phase)) check_event(*w, task, event);
    }
  }
  require(w->task_count != 0 && threads != 0 && threads <= kMaxThreads);
  return 0;
}
