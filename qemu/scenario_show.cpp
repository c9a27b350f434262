// SPDX-License-Identifier: Apache-2.0
#include "qemu/scenario_show.hpp"

#include "qemu/terminal.hpp"

#include <fmt/format.h>

namespace runnel::qemu {

namespace {

void add_tests(const ScenarioOptions& options, const scenario::Scenario& scenario,
               const report::Report& report, const nlohmann::ordered_json& about,
               const std::vector<report::Verdict>& verdicts, std::vector<TestResult>& out) {
  const std::string ground = about.at("on");
  for (std::size_t i = 0; i < verdicts.size(); ++i) {
    const report::Verdict& v = verdicts[i];
    TestResult test;
    test.group = fmt::format("{} smp={}", ground, about.at("cpus").get<u32>());
    test.suite = fs::path(scenario.file).stem().string();
    test.name = v.subject.empty() ? v.metric : v.subject + "." + v.metric;
    test.file = scenario.file;
    test.line = scenario.expectations[i].at.line;
    test.seconds = static_cast<double>(report.total.wall_ns) / 1e9;
    test.again =
        fmt::format("./runnel run {} --on {} --seed {}", options.scenario, ground, options.machine.seed);
    if (v.holds == report::Holds::kNo) {
      test.verdict = Verdict::kFailed;
      test.kind = ExitStatus::kFailed;
      test.reason = fmt::format("{}, expected {}", v.measured, v.expected);
    }
    out.push_back(std::move(test));
  }
}

} // namespace

ExitStatus show_report(const ScenarioOptions& options, const scenario::Scenario& scenario,
                       const report::Report& report, nlohmann::ordered_json about, Shown& shown) {
  const auto verdicts = report::judge(scenario, report);
  const ExitStatus status = report::all_hold(verdicts) ? ExitStatus::kPassed : ExitStatus::kFailed;
  add_tests(options, scenario, report, about, verdicts, shown.tests);
  if (options.json) {
    about["scenario"] = scenario.file;
    about["report"] = report::to_json(report);
    about["expectations"] = report::to_json(verdicts);
    shown.runs.push_back(std::move(about));
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
