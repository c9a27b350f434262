// SPDX-License-Identifier: Apache-2.0
#include "qemu/scenario_show.hpp"

#include "qemu/terminal.hpp"

#include <fmt/format.h>

namespace runnel::qemu {

ExitStatus show_report(const ScenarioOptions& options, const scenario::Scenario& scenario,
                       const report::Report& report, nlohmann::ordered_json about,
                       nlohmann::ordered_json& all) {
  const auto verdicts = report::judge(scenario, report);
  const ExitStatus status = report::all_hold(verdicts) ? ExitStatus::kPassed : ExitStatus::kFailed;
  if (options.json) {
    about["scenario"] = scenario.file;
    about["report"] = report::to_json(report);
    about["expectations"] = report::to_json(verdicts);
    all.push_back(std::move(about));
    return status;
  }
  const Terminal& terminal = Terminal::get();
  const report::TableOptions how{.colour = terminal.colours() ? report::Colour::kOn : report::Colour::kOff,
                                 .width = terminal.width()};
  fmt::print("{}{}\n", report::format_tables(report, how), report::format_verdicts(verdicts, how));
  std::fflush(stdout);
  return status;
}

ExitStatus show_incomplete(const report::Collector& collector, const std::string& ground) {
  for (const std::string& problem : collector.problems()) fmt::print(stderr, "runnel: {}\n", problem);
  fmt::print(stderr, "runnel: {}: the report is not complete\n", ground);
  return ExitStatus::kInternal;
}

void throw_refused(const scenario::Scenario& scenario, std::string_view reason) {
  throw Failure(ExitStatus::kUsage, fmt::format("{}: {}", scenario.file, reason));
}

} // namespace runnel::qemu
