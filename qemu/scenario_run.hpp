// SPDX-License-Identifier: Apache-2.0
// A scenario on a guest or on the simulated machine, from its file to the report: what `runnel run` and
// `runnel trace` share.
#pragma once

#include "qemu/cli_machine.hpp"
#include "qemu/exit_status.hpp"
#include "qemu/files.hpp"
#include "qemu/simulated/simulate.hpp"
#include "qemu/trace/log.hpp"

#include <functional>
#include <string>

namespace runnel::qemu {

struct ScenarioOptions {
  std::string command; // "run" or "trace": for the line that shows a failure again
  MachineOptions machine;
  std::vector<std::string> on; // grounds; empty: the machine's architectures
  std::string scenario, log, initrd, junit;
  double duration = 0; // seconds; 0: the scenario's own
  bool json = false, verbose = false;

  void add_to(CLI::App& app);
  /// "sim", "x86_64", "aarch64": where it is to run, one after the other.
  std::vector<std::string> grounds() const;
  /// With several grounds, a file for each.
  fs::path log_file(std::string_view ground) const;
};

/// One run, for whoever takes its events.
struct TracedRun {
  std::string ground;
  std::string title; // "x86_64 direct, 4 CPUs: default.json"
  TraceLog log;
};
using TakeTrace = std::function<ExitStatus(const TracedRun&)>;

/// The scenario's file: as named, or the one of that name in qemu/scenarios.
fs::path scenario_file(const std::string& name);

/// Runs the scenario on each ground in turn, prints what it measured and judges it by its expectations. With
/// `take_trace` the scheduler records its scheduling events, and each run that came to its end is handed
/// over. Throws Failure.
ExitStatus run_scenario(const ScenarioOptions& options, const TakeTrace& take_trace);

/// With several grounds, a file for each: "trace.json" -> "trace.aarch64.json".
fs::path per_ground(const std::string& name, std::string_view ground, std::size_t grounds);

/// Plays a workload on the simulated machine; set by main(), so that the tests of the tool need not link it.
using Simulator = simulated::Result (*)(const simulated::Request&);
extern Simulator simulator;

/// A line for people: on stdout, or on stderr where stdout carries JSON.
void say(const ScenarioOptions& options, const std::string& text);

} // namespace runnel::qemu
