// SPDX-License-Identifier: Apache-2.0
// Scenarios on the simulated machine: the same player, the same report, no guest.
#include "qemu/interrupt.hpp"
#include "qemu/scenario/scenario.hpp"
#include "qemu/scenario_show.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace runnel::qemu {

namespace {

constexpr std::string_view kError = "runnel: error workload: ";

/// What makes no difference there would be silently ignored.
void check_options(const ScenarioOptions& options) {
  const MachineOptions& machine = options.machine;
  const auto refuse = [](std::string_view option) {
    throw Failure(ExitStatus::kUsage, fmt::format("{} means nothing on the simulated machine", option));
  };
  if (!options.initrd.empty()) refuse("--initrd");
  if (!machine.kernel.empty()) refuse("--kernel");
  if (!machine.append.empty()) refuse("--append");
  if (machine.boot) refuse("--boot");
}

/// One socket of as many cores, unless a shape was given.
sim::Shape shape_of(const ScenarioOptions& options, const scenario::Scenario& scenario) {
  if (options.machine.shape) return *options.machine.shape;
  sim::Shape shape;
  shape.cores = options.machine.smp.empty() ? scenario.default_cpus() : options.machine.smp.front();
  return shape;
}

TraceLog log_of(simulated::Result& result) {
  TraceLog log;
  log.names = std::move(result.names);
  log.events = std::move(result.events);
  // The scheduler's own code takes no virtual time. What happened one after the other must look like it, so
  // each event is a nanosecond after the one before at least.
  u64 earliest = 0;
  for (trace::Event& event : log.events) {
    ++log.written[event.cpu];
    event.time_ns = std::max(event.time_ns, earliest);
    earliest = event.time_ns + 1;
  }
  std::erase_if(log.events, [](const trace::Event& e) { return e.type == trace::EventType::kTaskName; });
  return log;
}

std::string joined(const std::vector<std::string>& lines) {
  std::string out;
  for (const std::string& line : lines) out += line + "\n";
  return out;
}

} // namespace

Simulator simulator = nullptr;

ExitStatus run_simulated(const ScenarioOptions& options, const scenario::Scenario& scenario,
                         const TakeTrace& take_trace, Shown& shown) {
  check_options(options);
  if (simulator == nullptr)
    throw Failure(ExitStatus::kInternal, "this program was linked without the simulated machine");
  const sim::Shape shape = shape_of(options, scenario);
  const std::string title = fmt::format("simulated, {} {}", shape.cpus(), shape.cpus() == 1 ? "CPU" : "CPUs");
  if (!options.json) say(options, fmt::format("{}: {}", title, scenario.file));
  simulated::Result result =
      simulator({.workload = scenario::compile(scenario),
                 .shape = to_string(shape),
                 .seed = options.machine.seed,
                 .events = take_trace ? simulated::Events::kKept : simulated::Events::kNone,
                 .interrupted = interrupted});
  throw_if_interrupted();
  if (!options.log.empty()) write_file(options.log_file("sim"), joined(result.lines));
  if (result.end == simulated::End::kBroken) {
    fmt::print(stderr,
               "{}runnel: sim: the scheduler broke an invariant\nagain: ./runnel {} {} --on sim --seed {}\n",
               result.failure, options.command, options.scenario, options.machine.seed);
    return ExitStatus::kPanic;
  }
  report::Collector collector;
  for (const std::string& line : result.lines)
    if (!collector.take(line) && line.starts_with(kError))
      throw_refused(scenario, std::string_view(line).substr(kError.size()));
  if (!collector.complete()) return show_incomplete(collector, "sim");
  nlohmann::ordered_json about = {{"on", "sim"}, {"cpus", shape.cpus()}, {"deterministic", true}};
  ExitStatus status = show_report(options, scenario, collector.report(), std::move(about), shown);
  if (take_trace) {
    const std::string name = fs::path(scenario.file).filename().string();
    status = worse(status, take_trace({"sim", fmt::format("{}: {}", title, name), log_of(result)}));
  }
  return status;
}

} // namespace runnel::qemu
