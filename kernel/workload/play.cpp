// SPDX-License-Identifier: Apache-2.0
#include "kernel/workload/play.hpp"

#include "kernel/lib/format.hpp"
#include "kernel/workload/report.hpp"

namespace runnel::workload {

namespace {

template <typename... Args> void print_error(std::string_view text, const Args&... args) {
  char buffer[384];
  BufferSink line(buffer);
  line.write("runnel: error workload: ");
  format_to(line, text, args...);
  ground::print_line(line.view());
}

/// Every mask must leave a CPU that is there; a scenario for a larger machine is refused, not bent.
bool fits_machine(const Workload& workload) {
  const CpuMask online = sched::port::online_cpus();
  const auto check = [&](const TaskProgram& task, const Attributes& attributes) {
    const CpuMask missing = CpuMask::from_bits(attributes.cpus) & ~online;
    if (missing.empty()) return true;
    print_error("task {} is to run on CPU {}, this machine has {} CPUs", task.name, missing.lowest(),
                online.count());
    return false;
  };
  for (u32 i = 0; i < workload.task_count; ++i) {
    const TaskProgram& task = workload.tasks[i];
    if (!check(task, task.attributes)) return false;
    for (const Phase& phase : workload.phases_of(task))
      if (!check(task, phase.attributes)) return false;
  }
  return true;
}

} // namespace

Played play(const Workload& workload, u64 seed) {
  if (!fits_machine(workload)) return Played::kNoSuchCpu;
  auto* const engine = new_object<Engine>(workload);
  if (engine == nullptr || !engine->run()) {
    print_error("out of memory");
    delete_object(engine);
    return Played::kNoMemory;
  }
  const Played played = engine->ending() == Ending::kRefused ? Played::kRefused : Played::kReported;
  if (played == Played::kRefused)
    print_error("{}", engine->refusal());
  else
    print_report(*engine, seed);
  delete_object(engine);
  return played;
}

} // namespace runnel::workload
