// SPDX-License-Identifier: Apache-2.0
// runnel run: a workload on the kernel's threads, and its report.
#include "qemu/cli.hpp"
#include "qemu/scenario_run.hpp"
#include "qemu/trace/chrome.hpp"
#include "qemu/trace/text.hpp"

#include <fmt/format.h>
#include <memory>

namespace runnel::qemu {
namespace {

struct Options : ScenarioOptions {
  std::string events;
};

ExitStatus save_events(const Options& options, const TracedRun& run) {
  const fs::path file = per_ground(options.events, run.ground, options.grounds().size());
  write_file(file, file.extension() == ".json" ? to_chrome_json(run.log, make_timeline(run.log))
                                               : to_text(run.log));
  say(options, fmt::format("{} scheduling events in {}", run.log.events.size(), file.string()));
  if (const u64 lost = run.log.lost_events(); lost != 0)
    say(options, fmt::format("note: {} events were overwritten before they could be saved", lost));
  return ExitStatus::kPassed;
}

ExitStatus run(const Options& options) {
  if (options.events.empty()) return run_scenario(options, {});
  return run_scenario(options, [&](const TracedRun& traced) { return save_events(options, traced); });
}

} // namespace

void add_run_command(CLI::App& app, Action& action) {
  auto options = std::make_shared<Options>();
  options->command = "run";
  CLI::App* sub = app.add_subcommand("run", "Runs a workload (rt-app's JSON form) and prints a report");
  options->add_to(*sub);
  sub->add_flag("--json", options->json, "The report as JSON");
  sub->add_option("--junit", options->junit, "Writes the scenario's expectations as JUnit XML")
      ->type_name("FILE");
  sub->add_option("--events", options->events,
                  "Writes the scheduling events: text, or Chrome's trace form for a name ending in .json")
      ->type_name("FILE");
  sub->callback([options, &action] { action = [options] { return run(*options); }; });
}

} // namespace runnel::qemu
