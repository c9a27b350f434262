// SPDX-License-Identifier: Apache-2.0
// runnel trace as its users run it: the files it writes, what it says of losses, and that the traces of real
// kernels are consistent (O01) and made of nothing a reader would not know (O02).
#include "tests/e2e/browser.hpp"
#include "tests/e2e/support.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>
#include <regex>
#include <set>
#include <sstream>

using namespace runnel;
using namespace runnel::e2e;

namespace {

ToolRun trace(const qemu::TempFolder& folder, const char* scenario, const char* arch, const char* seconds,
              Words more = {}) {
  Words words = {"trace",
                 scenario,
                 "--arch",
                 arch,
                 "--smp",
                 "4",
                 "--deterministic",
                 "--duration",
                 seconds,
                 "--out",
                 (folder.path() / "out").string()};
  words.insert(words.end(), more.begin(), more.end());
  return tool(std::move(words), 500);
}

/// Events by name, each line of which is as ftrace has it.
std::map<std::string, int> events_in(const std::string& text) {
  static const std::regex form(R"( *(\S+)-(\d+) +\[(\d{3})\] d\.[.h][.2]\. +\d+\.\d{6}: (\S+): (.*))");
  static const std::map<std::string, std::regex> fields = {
      {"sched_switch",
       std::regex(
           R"(prev_comm=\S+ prev_pid=\d+ prev_prio=-?\d+ prev_state=([SDTtXZPI|]+|R|R\+) ==> next_comm=\S+ next_pid=\d+ next_prio=-?\d+)")},
      {"sched_waking", std::regex(R"(comm=\S+ pid=\d+ prio=-?\d+ target_cpu=\d{3})")},
      {"sched_wakeup", std::regex(R"(comm=\S+ pid=\d+ prio=-?\d+ target_cpu=\d{3})")},
      {"sched_wakeup_new", std::regex(R"(comm=\S+ pid=\d+ prio=-?\d+ target_cpu=\d{3})")},
      {"sched_migrate_task", std::regex(R"(comm=\S+ pid=\d+ prio=-?\d+ orig_cpu=\d+ dest_cpu=\d+)")},
      {"sched_stat_runtime", std::regex(R"(comm=\S+ pid=\d+ runtime=\d+ \[ns\])")},
      {"sched_pi_setprio", std::regex(R"(comm=\S+ pid=\d+ oldprio=-?\d+ newprio=-?\d+)")},
      {"sched_process_fork", std::regex(R"(comm=\S+ pid=\d+ child_comm=\S+ child_pid=\d+)")},
      {"sched_process_exit", std::regex(R"(comm=\S+ pid=\d+ prio=-?\d+ group_dead=true)")},
      {"sched_wake_idle_without_ipi", std::regex(R"(cpu=\d+)")},
      {"irq_handler_entry", std::regex(R"(irq=\d+ name=\S+)")},
      {"irq_handler_exit", std::regex(R"(irq=\d+ ret=handled)")},
      {"ipi_entry", std::regex(R"(\(\S+\))")},
      {"ipi_exit", std::regex(R"(\(\S+\))")},
      {"tracing_mark_write", std::regex(R"(I\|\d+\|.+)")},
  };
  std::map<std::string, int> counts;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with('#')) continue;
    INFO(line);
    std::smatch parts;
    REQUIRE(std::regex_match(line, parts, form));
    const auto known = fields.find(parts[4]);
    REQUIRE(known != fields.end());
    REQUIRE(std::regex_match(parts[5].str(), known->second));
    ++counts[parts[4]];
  }
  return counts;
}

} // namespace

TEST_CASE("e2e trace: three files, each readable by those it is for", "[e2e][trace][O01][O02]") {
  const char* arch = GENERATE(as<const char*>{}, "x86_64", "aarch64");
  const qemu::TempFolder folder;
  const ToolRun run = trace(folder, "default", arch, "0.1");
  INFO(run.text);
  REQUIRE(run.status == 0); // a trace that contradicts itself is status 8
  CHECK(run.says("scheduling events, 0 lost"));
  CHECK(run.says("trace.html"));
  const std::string text = qemu::read_file(folder.path() / "out/trace.txt");
  CHECK(text.starts_with("# tracer: nop\n#\n# entries-in-buffer/entries-written: "));
  CHECK(text.find("#P:4\n") != std::string::npos);
  auto counts = events_in(text);
  CHECK(counts["sched_switch"] > 20);
  CHECK(counts["sched_waking"] > 5);
  CHECK(counts["sched_wakeup"] > 5);
  CHECK(counts["sched_wakeup_new"] >= 10);
  const auto json = nlohmann::json::parse(qemu::read_file(folder.path() / "out/trace.json"));
  std::set<std::string> phases;
  for (const auto& event : json["traceEvents"]) phases.insert(event["ph"]);
  for (const char* phase : {"M", "X", "s", "f"}) CHECK(phases.contains(phase));
  if (!Browser::available()) {
    std::puts("SKIP: the page of a trace was not tested: chromium is not installed");
    return;
  }
  Browser browser(1400, 900);
  browser.open(folder.path() / "out/trace.html");
  CHECK(browser.text("h1").find(std::string(arch) + " direct, 4 CPUs, deterministic") == 0);
  CHECK(browser.text("#thread-rows").find("hog-0") != std::string::npos);
  CHECK_FALSE(browser.shows("#lost-banner"));
  CHECK_FALSE(browser.shows("#violation-banner"));
  // In the middle of the rows of the CPUs are the colours of threads, not those of the ground.
  CHECK(
      browser.number(
          "(() => { const v = runnelTrace.view; const lane = v.lanes[1]; const row = v.chart.getContext('2d')"
          ".getImageData(140, lane.y + 8, v.chart.width - 160, 1).data; const seen = new Set(); "
          "for (let i = 0; i < row.length; i += 4) seen.add(row[i] << 16 | row[i + 1] << 8 | row[i + 2]); "
          "return seen.size; })()") > 3);
  CHECK(browser.errors().empty());
}

TEST_CASE("e2e trace: what the kernel records under stress is consistent", "[e2e][trace][O01]") {
  const char* scenario = GENERATE(as<const char*>{}, "forks", "ping-pong", "wakeup-storm", "inversion",
                                  "deadline-set", "rt-and-fair");
  const char* arch = GENERATE(as<const char*>{}, "x86_64", "aarch64");
  const qemu::TempFolder folder;
  const ToolRun run = trace(folder, scenario, arch, "0.05");
  INFO(scenario << " on " << arch << "\n" << run.text);
  CHECK(run.says("scheduling events, 0 lost"));
  CHECK(run.text.find("inconsistent trace") == std::string::npos);
  CHECK(run.text.find("contradicts itself") == std::string::npos);
  CHECK(qemu::fs::exists(folder.path() / "out/trace.html"));
}

TEST_CASE("e2e trace: lost events are counted and said", "[e2e][trace]") {
  const qemu::TempFolder folder;
  const ToolRun run = trace(folder, "ping-pong", "x86_64", "0.3");
  INFO(run.text);
  REQUIRE(run.says("were overwritten before they could be saved (cpu "));
  const std::string text = qemu::read_file(folder.path() / "out/trace.txt");
  CHECK(
      std::regex_search(text, std::regex("\n# cpu [0-3]: the oldest [1-9][0-9]* events were overwritten\n")));
  // Their names were the first to be overwritten, and are known all the same.
  CHECK(std::regex_search(text, std::regex("\n +(near|far)-[ab]-[0-9]+ ")));
  CHECK(qemu::read_file(folder.path() / "out/trace.html").find("\"lost\":[{\"cpu\":") != std::string::npos);
}

TEST_CASE("e2e trace: a folder that cannot be made is said before the run", "[e2e][trace][cli]") {
  const ToolRun run = tool({"trace", "default", "--out", "/proc/none"}, 20);
  CHECK(run.status == code(qemu::ExitStatus::kUsage));
  CHECK(run.says("--out: /proc/none"));
}
