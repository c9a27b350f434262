// SPDX-License-Identifier: Apache-2.0
// What every thread of a workload runs: its delay, then its phases, pass after pass.
#include "kernel/workload/engine.hpp"

#include <algorithm>

namespace runnel::workload {

namespace {

bool has_timer(std::span<const Event> events) {
  return std::ranges::find(events, EventKind::kTimer, &Event::kind) != events.end();
}

Progress run_phase(WorkThread& self, const Phase& phase) {
  Engine& engine = *self.engine;
  if (engine.apply(self, phase) == Progress::kStop) return Progress::kStop;
  const bool periodic = has_timer(engine.program().events_of(phase));
  if (!periodic) self.job_deadline = kNever;
  for (i64 pass = 0; phase.loop == kForever || pass < phase.loop; ++pass)
    for (const Event& event : engine.program().events_of(phase))
      if (engine.execute(self, event) == Progress::kStop) return Progress::kStop;
  if (!periodic) self.job_begin = now();
  return Progress::kGoOn;
}

Progress run_phases(WorkThread& self) {
  Engine& engine = *self.engine;
  const TaskProgram& program = *self.program;
  if (program.delay.ns != 0 && engine.sleep_to(self, engine.start() + program.delay) == Progress::kStop)
    return Progress::kStop;
  for (i64 pass = 0; program.loop == kForever || pass < program.loop; ++pass) {
    for (const Phase& phase : engine.program().phases_of(program))
      if (run_phase(self, phase) == Progress::kStop) return Progress::kStop;
    ++self.figures.loops;
  }
  return Progress::kGoOn;
}

} // namespace

void thread_body(void* arg) {
  auto& self = *static_cast<WorkThread*>(arg);
  sched::Task& task = sched::current();
  self.task.store(&task, std::memory_order_relaxed);
  self.pid = task.pid;
  Progress last = self.engine->wait_for_start(self);
  self.baseline.run_time = sched::task_runtime(task);
  self.baseline.stats = task.stats;
  if (last == Progress::kGoOn) last = run_phases(self);
  self.engine->thread_ended(self, last);
}

} // namespace runnel::workload
