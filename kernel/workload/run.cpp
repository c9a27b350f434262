// SPDX-License-Identifier: Apache-2.0
// From the initrd to the report.
#include "kernel/workload/run.hpp"

#include "kernel/fs/cpio.hpp"
#include "kernel/log/log.hpp"
#include "kernel/mm/unique_ptr.hpp"
#include "kernel/workload/report.hpp"

namespace runnel::workload {

namespace {

using boot::ExitCode;

/// Every mask must leave a CPU that is there; a scenario for a larger machine is refused, not bent.
bool fits_machine(const Workload& workload) {
  const CpuMask online = sched::port::online_cpus();
  const auto check = [&](const TaskProgram& task, const Attributes& attributes) {
    const CpuMask missing = CpuMask::from_bits(attributes.cpus) & ~online;
    if (missing.empty()) return true;
    raw_print("runnel: error workload: task {} is to run on CPU {}, this machine has {} CPUs", task.name,
              missing.lowest(), online.count());
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

ExitCode out_of_memory() {
  raw_print("runnel: error workload: out of memory");
  return ExitCode::kInternal;
}

ExitCode execute(const Workload& workload, u64 seed) {
  const auto engine = make_unique<Engine>(workload);
  if (!engine) return out_of_memory();
  printk("workload: {} tasks, {} phases, {} events, {} ms", workload.task_count, workload.phase_count,
         workload.event_count, workload.duration.ns / 1'000'000);
  if (!engine->run()) return out_of_memory();
  if (engine->ending() == Ending::kRefused) {
    raw_print("runnel: error workload: {}", engine->refusal());
    return ExitCode::kBadCommandLine;
  }
  print_report(*engine, seed);
  return ExitCode::kPassed;
}

} // namespace

boot::ExitCode run_workload(std::span<const std::byte> initrd, u64 seed) {
  if (initrd.empty()) {
    raw_print("runnel: error initrd: there is none; `run` executes the file \"workload\" in it");
    return ExitCode::kBootFailed;
  }
  const auto file = fs::cpio_find(initrd, "workload");
  if (!file) {
    raw_print("runnel: error initrd: {} (offset {} of {}), looking for \"workload\"", file.error().what,
              file.error().offset, initrd.size());
    return ExitCode::kBootFailed;
  }
  const auto workload = make_unique<Workload>();
  if (!workload) return out_of_memory();
  const std::string_view text(reinterpret_cast<const char*>(file->content.data()), file->content.size());
  if (const auto parsed = parse_workload(text, *workload); !parsed) {
    const ParseError& error = parsed.error();
    raw_print("runnel: error workload: line {}: expected {}{}{}", error.line, error.what,
              error.word.empty() ? "" : ", not ", error.word.substr(0, 40));
    return ExitCode::kBootFailed;
  }
  if (!fits_machine(*workload)) return ExitCode::kBootFailed;
  return execute(*workload, seed);
}

} // namespace runnel::workload
