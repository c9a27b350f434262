// SPDX-License-Identifier: Apache-2.0
// The end of a scenario's run, whatever ground it was on: report, expectations, verdict. Internal to the
// commands that run scenarios.
#pragma once

#include "qemu/report/verdict.hpp"
#include "qemu/results.hpp"
#include "qemu/scenario_run.hpp"

#include <nlohmann/json.hpp>

namespace runnel::qemu {

/// What the runs of one command leave for other programs.
struct Shown {
  nlohmann::ordered_json runs = nlohmann::ordered_json::array(); // for --json
  std::vector<TestResult> tests;                                 // for --junit: one for each expectation
};

/// Prints the report of a run, or with --json adds it to `shown` behind what `about` says of the machine:
/// "on" and "cpus" at least. kFailed when an expectation does not hold.
ExitStatus show_report(const ScenarioOptions& options, const scenario::Scenario& scenario,
                       const report::Report& report, nlohmann::ordered_json about, Shown& shown);

/// The report is not whole: says why. kInternal.
ExitStatus show_incomplete(const report::Collector& collector, const std::string& ground);

/// The scheduler or the machine refuses the scenario, which said `reason`. Throws.
[[noreturn]] void throw_refused(const scenario::Scenario& scenario, std::string_view reason);

/// On the simulated machine.
ExitStatus run_simulated(const ScenarioOptions& options, const scenario::Scenario& scenario,
                         const TakeTrace& take_trace, Shown& shown);

} // namespace runnel::qemu
