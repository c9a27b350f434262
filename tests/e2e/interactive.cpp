// SPDX-License-Identifier: Apache-2.0
// The shell and the debugger, driven by scripts, and a workload's report.
#include "tests/e2e/support.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

using namespace runnel;
using namespace runnel::e2e;
using qemu::ExitStatus;

namespace {

ToolRun shell(const char* arch, const std::string& lines, const std::string& options = "") {
  return program(
      {"sh", "-c",
       "printf '" + lines + "' | '" RUNNEL_BUILD_DIR "/qemu/runnel' boot --arch " + arch + " " + options});
}

} // namespace

TEST_CASE("e2e: the shell takes its commands from a pipe", "[e2e][boot]") {
  const char* arch = GENERATE(as<const char*>{}, "x86_64", "aarch64");
  const ToolRun run = shell(arch, "help\\nps\\ncpus\\nmemory\\ntest selftest.check_passes\\n");
  INFO(run.text);
  CHECK(run.status == 0);
  CHECK(run.says("end with a panic report")); // of help
  CHECK(run.says("main"));                    // of ps
  CHECK(run.says("ok 1 check_passes"));
  CHECK(run.says("runnel: end passed"));
}

TEST_CASE("e2e: a panic in the shell has the panic's status", "[e2e][boot]") {
  const ToolRun run = shell("x86_64", "panic\\n");
  INFO(run.text);
  CHECK(run.status == code(ExitStatus::kPanic));
  CHECK(run.says("asked for in the shell"));
}

TEST_CASE("e2e: gdb sees threads and runqueues", "[e2e][debug]") {
  const char* arch = GENERATE(as<const char*>{}, "x86_64", "aarch64");
  const ToolRun run =
      tool({"debug", "--arch", arch, "--smp", "2", "--batch", "break runnel::shell::run_shell", "--batch",
            "continue", "--batch", "runnel ps", "--batch", "runnel rq", "--batch", "runnel bt-all"});
  INFO(run.text);
  CHECK(run.status == 0);
  CHECK(run.says("pid name"));
  CHECK(run.says("main"));
  CHECK(run.says("cpu 1: runs "));
  CHECK(run.says("run_shell"));
  CHECK_FALSE(run.says("Python Exception"));
  CHECK_FALSE(run.says("Error"));
}

TEST_CASE("e2e: a workload's report, for people and as JSON", "[e2e][run]") {
  const char* arch = GENERATE(as<const char*>{}, "x86_64", "aarch64");
  const ToolRun tables = tool({"run", "--arch", arch, "--duration", "0.3"});
  INFO(tables.text);
  CHECK(tables.status == 0);
  const ToolRun json =
      tool({"run", "wakeup-storm", "--arch", arch, "--deterministic", "--duration", "0.3", "--json"});
  INFO(json.text);
  REQUIRE(json.status == 0);
  const auto report = nlohmann::json::parse(json.text.substr(json.text.find('{')));
  CHECK(report["runs"][0]["arch"] == arch);
  CHECK(report["runs"][0]["cpus"] == 4);
  CHECK_FALSE(report["runs"][0]["report"]["threads"].empty());
  CHECK(report["runs"][0]["report"]["total"]["activations"] > 0);
}

TEST_CASE("e2e: UEFI leads into the same kernel", "[e2e][uefi]") {
  const char* arch = GENERATE(as<const char*>{}, "x86_64", "aarch64");
  const ToolRun run =
      tool({"run", "hogs", "--arch", arch, "--boot", "uefi", "--duration", "0.3", "--verbose"});
  INFO(run.text);
  CHECK(run.status == 0);
  CHECK(run.says("runnel: boot " + std::string(arch) + " uefi cpus=4"));
}
