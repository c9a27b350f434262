// SPDX-License-Identifier: Apache-2.0
// A scenario on a guest, from its file to the report: what `runnel run` and `runnel trace` share.
#pragma once

#include "qemu/cli_machine.hpp"
#include "qemu/exit_status.hpp"
#include "qemu/files.hpp"
#include "qemu/trace/log.hpp"

#include <functional>
#include <string>

namespace runnel::qemu {

struct ScenarioOptions {
  std::string command; // "run" or "trace": for the line that shows a failure again
  MachineOptions machine;
  std::string scenario, log, initrd;
  double duration = 0; // seconds; 0: the scenario's own
  bool json = false, verbose = false;

  void add_to(CLI::App& app);
};

/// One run, for whoever takes its events.
struct TracedRun {
  Arch arch;
  std::string title; // "x86_64 direct, 4 CPUs: default.json"
  TraceLog log;
};
using TakeTrace = std::function<ExitStatus(const TracedRun&)>;

/// The scenario's file: as named, or the one of that name in qemu/scenarios.
fs::path scenario_file(const std::string& name);

/// Runs the scenario on each architecture in turn and prints what it measured. With `take_trace` the kernel
/// records its scheduling events, and each run that came to its end is handed over. Throws Failure.
ExitStatus run_scenario(const ScenarioOptions& options, const TakeTrace& take_trace);

/// With several architectures, a file for each: "trace.json" -> "trace.aarch64.json".
fs::path per_arch(const std::string& name, Arch arch, std::size_t arches);

/// A line for people: on stdout, or on stderr where stdout carries JSON.
void say(const ScenarioOptions& options, const std::string& text);

} // namespace runnel::qemu
