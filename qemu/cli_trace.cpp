// SPDX-License-Identifier: Apache-2.0
// runnel trace: a scenario with its scheduling events recorded, as a page to look at and files for other
// viewers.
#include "qemu/cli.hpp"
#include "qemu/scenario_run.hpp"
#include "qemu/trace/check.hpp"
#include "qemu/trace/chrome.hpp"
#include "qemu/trace/page.hpp"
#include "qemu/trace/text.hpp"

#include <fmt/format.h>
#include <memory>

namespace runnel::qemu {
namespace {

constexpr std::size_t kShownViolations = 10;

struct Options : ScenarioOptions {
  std::string out;
};

/// One folder a ground when there are several.
fs::path folder_for(const Options& options, const std::string& ground) {
  const fs::path folder =
      options.out.empty() ? "trace-" + scenario_file(options.scenario).stem().string() : options.out;
  return options.grounds().size() < 2 ? folder : folder / ground;
}

void make_folder(const fs::path& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error)
    throw Failure(ExitStatus::kUsage, fmt::format("--out: {}: {}", folder.string(), error.message()));
}

void say_losses(const Options& options, const TraceLog& log) {
  if (log.lost.empty()) return;
  std::string each;
  for (const auto& [cpu, n] : log.lost) each += fmt::format("{}cpu {}: {}", each.empty() ? "" : ", ", cpu, n);
  say(options,
      fmt::format(
          "note: {} events were overwritten before they could be saved ({}): the trace has gaps before "
          "{:.6f} s; a shorter --duration keeps everything",
          log.lost_events(), each, static_cast<double>(log.complete_from_ns) / 1e9));
}

ExitStatus say_violations(const std::vector<Violation>& violations) {
  if (violations.empty()) return ExitStatus::kPassed;
  for (std::size_t i = 0; i < violations.size() && i < kShownViolations; ++i)
    fmt::print(stderr, "runnel: inconsistent trace ({}): {}\n", to_string(violations[i].rule),
               violations[i].text);
  if (violations.size() > kShownViolations)
    fmt::print(stderr, "runnel: and {} more of these\n", violations.size() - kShownViolations);
  fmt::print(stderr, "runnel: the trace contradicts itself: the scheduler or its tracing is at fault\n");
  return ExitStatus::kInternal;
}

ExitStatus save(const Options& options, const TracedRun& run) {
  const fs::path folder = folder_for(options, run.ground);
  const Timeline line = make_timeline(run.log);
  const std::vector<Violation> violations = check_trace(run.log);
  write_file(folder / "trace.txt", to_text(run.log));
  write_file(folder / "trace.json", to_chrome_json(run.log, line));
  write_file(folder / "trace.html", to_page(run.log, line, violations, run.title));
  say(options, fmt::format("{} scheduling events, {} lost", run.log.events.size(), run.log.lost_events()));
  say_losses(options, run.log);
  say(options, fmt::format("  {}   to look at in a browser\n"
                           "  {}   for ui.perfetto.dev or chrome://tracing\n"
                           "  {}    for readers of ftrace's text",
                           (folder / "trace.html").string(), (folder / "trace.json").string(),
                           (folder / "trace.txt").string()));
  return say_violations(violations);
}

ExitStatus trace(const Options& options) {
  // Before the run: nobody wants to wait for it in vain.
  for (const std::string& ground : options.grounds()) make_folder(folder_for(options, ground));
  return run_scenario(options, [&](const TracedRun& run) { return save(options, run); });
}

} // namespace

void add_trace_command(CLI::App& app, Action& action) {
  auto options = std::make_shared<Options>();
  options->command = "trace";
  CLI::App* sub = app.add_subcommand(
      "trace", "Runs a workload and shows what the scheduler did: trace.html, trace.json, trace.txt");
  options->add_to(*sub);
  sub->add_option("--out", options->out, "Where the files go (default: trace-SCENARIO)")->type_name("FOLDER");
  sub->callback([options, &action] { action = [options] { return trace(*options); }; });
}

} // namespace runnel::qemu
