// SPDX-License-Identifier: Apache-2.0
// Scenarios from the command line to the verdict, on all grounds: what holds, what does not, what is refused.
#include "tests/e2e/support.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

using namespace runnel;
using namespace runnel::e2e;
using qemu::ExitStatus;

namespace {

/// Of the tool's output, which may begin with warnings on standard error.
nlohmann::json runs_of(const ToolRun& run) {
  return nlohmann::json::parse(run.text.substr(run.text.find('{'))).at("runs");
}

} // namespace

TEST_CASE("e2e: what the shipped scenarios expect holds on every ground",
          "[e2e][scenario][F17][R09][R13][D08]") {
  const char* ground = GENERATE("sim", "x86_64", "aarch64");
  for (const char* name : {"fair-weights", "short-slice", "rt-and-fair", "rate-monotonic", "deadline-set",
                           "isolation", "inversion"}) {
    const ToolRun run = tool({"run", name, "--on", ground, "--deterministic", "--json"}, 500);
    INFO(run.text);
    REQUIRE(run.status == 0);
    const nlohmann::json all = runs_of(run);
    REQUIRE(all.size() == 1);
    CHECK(all[0].at("on") == ground);
    CHECK(all[0].at("expectations").size() >= 3);
    for (const auto& verdict : all[0].at("expectations")) CHECK(verdict.at("holds") == true);
  }
}

TEST_CASE("e2e: an expectation that does not hold is status 1, with its place", "[e2e][scenario]") {
  const qemu::TempFolder folder;
  const auto file = script(folder, "greedy.json",
                           "{ \"tasks\": { \"a\": { \"instance\": 2, \"run\": 1000,\n"
                           "\"expect\": { \"share_percent\": { \"above\": 60 } } } },\n"
                           "\"global\": { \"duration\": 0.2, \"cpus\": 1 } }");
  const char* ground = GENERATE("sim", "x86_64");
  const auto junit = folder.path() / "expectations.xml";
  const ToolRun run = tool({"run", file.string(), "--on", ground, "--junit", junit.string()}, 200);
  INFO(run.text);
  CHECK(run.status == code(ExitStatus::kFailed));
  const std::string xml = qemu::read_file(junit);
  CHECK(xml.find("tests=\"1\"") != std::string::npos);
  CHECK(xml.find("failures=\"1\"") != std::string::npos);
  CHECK(xml.find("a.share_percent") != std::string::npos);
  CHECK(run.says("FAILED  a.share_percent"));
  CHECK(run.says("greedy.json:2:13]"));
  CHECK(run.says("0 of 1 expectations hold"));
}

TEST_CASE("e2e: a reservation that does not fit is status 2, with the task, the phase and what is missing",
          "[e2e][scenario]") {
  const qemu::TempFolder folder;
  const auto file = script(folder, "over.json",
                           "{ \"tasks\": { \"a\": { \"policy\": \"SCHED_DEADLINE\", \"dl-runtime\": 60000, "
                           "\"dl-period\": 100000, \"run\": 100 },\n"
                           "\"b\": { \"instance\": 2, \"phases\": { \"one\": { \"run\": 5000 }, \"two\": { "
                           "\"policy\": \"SCHED_DEADLINE\",\n"
                           "\"dl-runtime\": 20000, \"dl-period\": 100000, \"run\": 100 } } } }, \"global\": "
                           "{ \"duration\": 1, \"cpus\": 1 } }");
  const char* ground = GENERATE("sim", "x86_64");
  const ToolRun run = tool({"run", file.string(), "--on", ground, "--deterministic"}, 200);
  INFO(run.text);
  CHECK(run.status == code(ExitStatus::kUsage));
  CHECK(run.says("over.json: task b, phase two: deadline is refused: it needs 20.00 % of a CPU, that is"));
  CHECK(run.says("more than can still be admitted (EBUSY)"));
}

TEST_CASE("e2e: a bad scenario is status 2, with file, line and column", "[e2e][scenario]") {
  const qemu::TempFolder folder;
  const auto file =
      script(folder, "bad.json",
             "{ \"tasks\": { \"a\": { \"run\": 1000,\n  \"cpus\": [9],\n  \"timer\": { \"ref\": \"unique\", "
             "\"period\": 0 },\n  \"expect\": { \"deadline_miss\": 0 } } },\n\"global\": { \"cpus\": 4 } }");
  const ToolRun run = tool({"run", file.string(), "--on", "sim"}, 60);
  INFO(run.text);
  CHECK(run.status == code(ExitStatus::kUsage));
  CHECK(run.says("bad.json:2:12: tasks.a.cpus[0]: the machine has CPUs 0 to 3 only"));
  CHECK(run.says("bad.json:3:41: tasks.a.timer.period: 0 is out of range"));
  CHECK(
      run.says("bad.json:4:15: tasks.a.expect.deadline_miss: no metric, did you mean \"deadline_misses\"?"));
}

TEST_CASE("e2e: a trace of the simulated machine is consistent", "[e2e][scenario]") {
  const qemu::TempFolder folder;
  const ToolRun run = tool(
      {"trace", "default", "--on", "sim", "--smp", "4", "--duration", "0.3", "--out", folder.path().string()},
      100);
  INFO(run.text);
  CHECK(run.status == 0);
  CHECK(qemu::read_file(folder.path() / "trace.txt").find("comm=audio-1") != std::string::npos);
}

TEST_CASE("e2e: the simulated machine repeats itself for a seed", "[e2e][scenario][determinism]") {
  const Words words = {"run",    "default", "--on",       "sim", "--smp", "8",
                       "--seed", "5",       "--duration", "0.3", "--json"};
  const ToolRun first = tool(words, 100), second = tool(words, 100);
  INFO(first.text);
  REQUIRE(first.status == 0);
  CHECK((first.text == second.text));
}
