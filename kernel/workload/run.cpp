// SPDX-License-Identifier: Apache-2.0
// From the initrd to the report.
#include "kernel/workload/run.hpp"

#include "kernel/fs/cpio.hpp"
#include "kernel/log/log.hpp"
#include "kernel/mm/unique_ptr.hpp"
#include "kernel/workload/play.hpp"

namespace runnel::workload {

namespace {

using boot::ExitCode;

ExitCode execute(const Workload& workload, u64 seed) {
  printk("workload: {} tasks, {} phases, {} events, {} ms", workload.task_count, workload.phase_count,
         workload.event_count, workload.duration.ns / 1'000'000);
  switch (play(workload, seed)) {
  case Played::kReported:
    return ExitCode::kPassed;
  case Played::kNoSuchCpu:
    return ExitCode::kBootFailed;
  case Played::kRefused:
    return ExitCode::kBadCommandLine;
  case Played::kNoMemory:
    break;
  }
  return ExitCode::kInternal;
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
  if (!workload) {
    raw_print("runnel: error workload: out of memory");
    return ExitCode::kInternal;
  }
  const std::string_view text(reinterpret_cast<const char*>(file->content.data()), file->content.size());
  if (const auto parsed = parse_workload(text, *workload); !parsed) {
    const ParseError& error = parsed.error();
    raw_print("runnel: error workload: line {}: expected {}{}{}", error.line, error.what,
              error.word.empty() ? "" : ", not ", error.word.substr(0, 40));
    return ExitCode::kBootFailed;
  }
  return execute(*workload, seed);
}

} // namespace runnel::workload
