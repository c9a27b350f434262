// SPDX-License-Identifier: Apache-2.0
// Policies, priorities and CPUs of a workload's threads: asks the scheduler, and says it when that refuses.
#include "kernel/lib/format.hpp"
#include "kernel/workload/engine.hpp"

#include <sched/attr.hpp>
#include <sched/dl_admission.hpp>

namespace runnel::workload {

namespace {

constexpr sched::Policy policy_of(Policy policy) {
  switch (policy) {
  case Policy::kOther:
    return sched::Policy::kNormal;
  case Policy::kBatch:
    return sched::Policy::kBatch;
  case Policy::kIdle:
    return sched::Policy::kIdle;
  case Policy::kRr:
    return sched::Policy::kRr;
  case Policy::kFifo:
    return sched::Policy::kFifo;
  case Policy::kDeadline:
    return sched::Policy::kDeadline;
  }
  return sched::Policy::kNormal;
}

sched::SchedAttr attr_of(const SchedParams& params) {
  sched::SchedAttr attr;
  attr.policy = static_cast<u32>(policy_of(params.policy));
  attr.nice = params.nice;
  attr.priority = params.priority;
  attr.runtime = params.runtime_ns;
  attr.deadline = params.deadline_ns;
  attr.period = params.period_ns;
  return attr;
}

constexpr u32 kBwShift = 20; // a bandwidth of 1 << 20 is a whole CPU

/// "12.34 %" of a CPU, rounded up: what is missing is never said to be nothing.
void put_share(Sink& sink, u64 bandwidth) {
  const u64 hundredths = ((bandwidth * 10000) + (u64{1} << kBwShift) - 1) >> kBwShift;
  format_to(sink, "{}.{:02} %", hundredths / 100, hundredths % 100);
}

void put_reason(Sink& sink, const sched::Task& task, const SchedParams& params, Errno error) {
  if (params.policy != Policy::kDeadline) {
    format_to(sink, "error {}", static_cast<i32>(error));
    return;
  }
  switch (error) {
  case Errno::kBUSY: {
    const u64 bandwidth = (params.runtime_ns << kBwShift) / params.period_ns;
    sink.write("it needs ");
    put_share(sink, bandwidth);
    sink.write(" of a CPU, that is ");
    put_share(sink, sched::dl_missing_bandwidth(
                        task, {params.runtime_ns, params.deadline_ns, params.period_ns, 0}));
    sink.write(" more than can still be admitted (EBUSY)");
    return;
  }
  case Errno::kPERM:
    sink.write("a deadline thread may be restricted to no CPUs: leave \"cpus\" out (EPERM)");
    return;
  case Errno::kINVAL:
    format_to(sink, "runtime {}, deadline {}, period {} ns are no valid parameters (EINVAL)",
              params.runtime_ns, params.deadline_ns, params.period_ns);
    return;
  default:
    format_to(sink, "error {}", static_cast<i32>(error));
  }
}

} // namespace

bool Engine::ask(WorkThread& thread, const SchedParams& params, std::string_view phase) {
  sched::Task& task = *thread.task.load(std::memory_order_relaxed);
  if (const Result<> asked = sched::sched_setattr(task, attr_of(params)); !asked) {
    refuse(thread, phase, params, asked.error());
    return false;
  }
  thread.params = params;
  return true;
}

void Engine::refuse(const WorkThread& thread, std::string_view phase, const SchedParams& params,
                    Errno error) {
  if (!refused_.exchange(true, std::memory_order_acq_rel)) {
    BufferSink text(refusal_);
    format_to(text, "task {}", thread.program->name);
    if (!phase.empty()) format_to(text, ", phase {}", phase);
    format_to(text, ": {} is refused: ", to_string(params.policy));
    put_reason(text, *thread.task.load(std::memory_order_relaxed), params, error);
    refusal_size_ = text.view().size(); // read after all threads were joined
  }
  stop();
  sched::wake_up_process(*main_);
}

Progress Engine::apply(WorkThread& self, const Phase& phase) {
  sched::Task& task = sched::current();
  const u64 cpus = phase.attributes.cpus != 0 ? phase.attributes.cpus : self.program->attributes.cpus;
  const auto move = [&] {
    if (cpus == self.cpus) return true;
    const CpuMask mask = cpus != 0 ? CpuMask::from_bits(cpus) : CpuMask::all();
    // Every mask was checked against the machine before: only a deadline thread can be refused.
    const Result<> moved = sched::set_cpus_allowed(task, mask);
    if (!moved) return refuse(self, phase.name, self.params, Errno::kPERM), false;
    self.cpus = cpus;
    return true;
  };
  const auto change = [&] {
    return !phase.attributes.has_sched || ask(self, phase.attributes.sched, phase.name);
  };
  // Into the deadline class with all CPUs, out of it before it is restricted.
  const bool done = phase.attributes.has_sched && phase.attributes.sched.policy == Policy::kDeadline
                        ? move() && change()
                        : change() && move();
  return done ? Progress::kGoOn : Progress::kStop;
}

} // namespace runnel::workload
