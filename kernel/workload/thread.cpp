// SPDX-License-Identifier: Apache-2.0
// What every thread of a workload runs: its delay, then its phases, pass after pass.
#include "kernel/smp/cpumask.hpp"
#include "kernel/time/clock.hpp"
#include "kernel/workload/engine.hpp"

namespace runnel::workload {

namespace {

class Runner {
 public:
  Runner(WorkThread& self, const Workload& program) : self_(self), engine_(*self.engine), workload_(program) {
    cpus_ = self.program->attributes.cpus;
  }

  Progress run() {
    const TaskProgram& program = *self_.program;
    if (engine_.over()) return Progress::kStop;
    if (program.delay.ns != 0 && engine_.sleep_to(self_, engine_.start() + program.delay) == Progress::kStop)
      return Progress::kStop;
    for (i64 pass = 0; program.loop == kForever || pass < program.loop; ++pass) {
      for (const Phase& phase : workload_.phases_of(program))
        if (run_phase(phase) == Progress::kStop) return Progress::kStop;
      ++self_.figures.loops;
    }
    return Progress::kGoOn;
  }

 private:
  Progress run_phase(const Phase& phase) {
    restrict_to(phase.attributes.cpus != 0 ? phase.attributes.cpus : self_.program->attributes.cpus);
    for (i64 pass = 0; phase.loop == kForever || pass < phase.loop; ++pass)
      for (const Event& event : workload_.events_of(phase))
        if (engine_.execute(self_, event) == Progress::kStop) return Progress::kStop;
    return Progress::kGoOn;
  }

  void restrict_to(u64 cpus) {
    if (cpus == cpus_) return;
    cpus_ = cpus;
    const CpuMask mask = cpus != 0 ? CpuMask::from_bits(cpus) : CpuMask::all();
    // Cannot fail: every mask of the workload was checked against the machine before it began.
    static_cast<void>(set_affinity(*self_.task, mask));
  }

  WorkThread& self_;
  Engine& engine_;
  const Workload& workload_;
  u64 cpus_ = 0;
};

} // namespace

void thread_body(void* arg) {
  auto& self = *static_cast<WorkThread*>(arg);
  const Instant begin = time::now();
  const Progress last = Runner(self, self.engine->program()).run();
  self.figures.lifetime = time::now() - begin;
  self.engine->thread_ended(self, last);
}

} // namespace runnel::workload
