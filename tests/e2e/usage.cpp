// SPDX-License-Identifier: Apache-2.0
// The command line: mistakes are named with what would be right, files for other programs are valid, and what
// needs no guest does not start one.
#include "tests/e2e/support.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

using namespace runnel;
using namespace runnel::e2e;
using qemu::ExitStatus;

namespace {

struct Mistake {
  Words words;
  const char* names;   // the argument the message must name
  const char* allowed; // what it must offer
};

} // namespace

TEST_CASE("e2e: bad arguments are named with the allowed values, status 2", "[e2e][usage]") {
  const Mistake mistakes[] = {
      {{}, "subcommand", "run, exec, trace, test, list"},
      {{"tset"}, "tset", "run, exec, trace, test, list"},
      {{"run", "--arch", "riscv"}, "--arch", "x86_64,aarch64,all"},
      {{"boot", "--arch", "all"}, "--arch", "x86_64,aarch64"},
      {{"test", "--smp", "0"}, "--smp", "1"},
      {{"test", "--smp", "1,65"}, "--smp", "64"},
      {{"test", "--smp", "two"}, "--smp", "64"},
      {{"run", "--boot", "grub"}, "--boot", "direct,uefi"},
      {{"run", "no-such-scenario"}, "no-such-scenario", "default"},
      {{"trace", "no-such-scenario"}, "no-such-scenario", "default"},
      {{"run", "--topology", "0x4"}, "0x4", "at least one socket"},
      {{"run", "--topology", "9x9x9x9"}, "9x9x9x9", "sockets, cores, threads"},
      {{"run", "--mem", "1K"}, "--mem", "64M to 64G"},
      {{"run", "--mem", "16"}, "--mem", "64M to 64G"},
      {{"test", "--frob"}, "--frob", "--target-only"},
      {{"test", "--host-only", "--target-only"}, "--target-only", "--host-only"},
      {{"test", "--jobs", "0"}, "--jobs", "1024"},
      {{"bench", "--repeat", "x"}, "--repeat", "1000"},
      {{"test", "no.such.test", "--target-only"}, "GLOB", "runnel list"},
      {{"list", "no.such.test"}, "GLOB", "no test matches"},
      {{"properties", "Z99"}, "GLOB", "no property matches"},
  };
  for (const Mistake& mistake : mistakes) {
    const ToolRun run = tool(mistake.words, 60);
    INFO(run.text);
    CHECK(run.status == code(ExitStatus::kUsage));
    CHECK(run.says(mistake.names));
    CHECK(run.says(mistake.allowed));
  }
}

TEST_CASE("e2e: every command explains itself and the exit statuses", "[e2e][usage]") {
  for (const char* command :
       {"run", "exec", "test", "list", "properties", "boot", "debug", "bench", "doctor", "completion"}) {
    const ToolRun run = tool({command, "--help"}, 60);
    INFO(run.text);
    CHECK(run.status == 0);
    CHECK(run.says("Exit status:"));
    CHECK(tool({"--help"}, 60).says(command));
  }
}

TEST_CASE("e2e: host tests are chosen by tag", "[e2e][usage]") {
  const ToolRun run = tool({"test", "--host-only", "[S]"}, 120);
  INFO(run.text);
  CHECK(run.status == code(ExitStatus::kUsage));
  CHECK(run.says("no test matches '[S]'")); // the brackets have arrived
  CHECK(tool({"test", "--host-only", "[catalogue]"}, 120).status == 0);
}

TEST_CASE("e2e: properties are shown with their tests", "[e2e][properties]") {
  const ToolRun run = tool({"properties", "C02"}, 60);
  INFO(run.text);
  CHECK(run.status == 0);
  CHECK(run.says("tests/model/contracts_wakeup.cpp:"));
  CHECK(run.says("141 properties"));
  const auto json = nlohmann::json::parse(tool({"properties", "sched_core", "--missing", "--json"}, 60).text);
  for (const auto& property : json) {
    CHECK(property["tests"].empty());
    CHECK(property["missing"] != "");
  }
}

TEST_CASE("e2e: tests are listed without booting", "[e2e][list]") {
  // An emulator that cannot be started shows that none is needed.
  const Environment none = {{"RUNNEL_QEMU_X86_64", "/nowhere/qemu"},
                            {"RUNNEL_QEMU_AARCH64", "/nowhere/qemu"}};
  const ToolRun run = tool({"list"}, 60, none);
  INFO(run.text);
  CHECK(run.status == 0);
  CHECK(run.says("selftest.check_passes"));
  CHECK(run.says("tests/target/selftest_check.cpp:"));
  CHECK(run.says("demo.panic"));
  const auto json = nlohmann::json::parse(tool({"list", "demo.*", "--json"}, 60, none).text);
  REQUIRE(json.size() > 5);
  for (const auto& test : json) CHECK(test["only_by_name"] == true);
  const ToolRun missing = tool({"test", "selftest", "--target-only", "--arch", "x86_64"}, 60, none);
  CHECK(missing.status == code(ExitStatus::kMissing));
  CHECK(missing.says("/nowhere/qemu"));
}

TEST_CASE("e2e: JUnit and JSON files of a run with failures are valid", "[e2e][junit]") {
  const qemu::TempFolder folder;
  const auto xml = folder.path() / "junit.xml", json = folder.path() / "results.json";
  const ToolRun run =
      tool({"test", "demo.fail", "demo.panic", "selftest", "--target-only", "--smp", "1,2", "--parallel",
            "--boot", "direct", "--junit", xml.string(), "--json", json.string()});
  INFO(run.text);
  CHECK(run.status == code(ExitStatus::kPanic));
  const ToolRun check =
      program({"xmllint", "--noout", "--schema", RUNNEL_SOURCE_DIR "/tests/e2e/junit.xsd", xml.string()}, 60);
  INFO(check.text);
  CHECK(check.status == 0);
  const auto results = nlohmann::json::parse(qemu::read_file(json));
  CHECK(results["failed"] == 8);
  CHECK(results["status"] == code(ExitStatus::kPanic));
  const std::string total = std::to_string(results["passed"].get<int>()) + " passed, 8 failed";
  CHECK(run.says("\n" + total));
}

TEST_CASE("e2e: the completion script is one that bash understands", "[e2e][completion]") {
  const ToolRun script = tool({"completion"}, 60);
  CHECK(script.status == 0);
  const ToolRun words = program({"bash", "-c", script.text + R"(
    COMP_WORDS=(./runnel te) COMP_CWORD=1; _runnel; echo "${COMPREPLY[@]}"
    COMP_WORDS=(./runnel run --arch aa) COMP_CWORD=3; _runnel; echo "${COMPREPLY[@]}"
    COMP_WORDS=(./runnel test --jun) COMP_CWORD=2; _runnel; echo "${COMPREPLY[@]}")"});
  CHECK(words.text == "test\naarch64\n--junit\n");
}

TEST_CASE("e2e: --no-install names the missing packages and installs nothing, status 6", "[e2e][packages]") {
  const qemu::TempFolder folder;
  // A dpkg that knows every package but two, and an apt-get that must not be called.
  script(folder, "dpkg-query",
         "#!/bin/sh\nshift 3\nfor p in \"$@\"; do case $p in ovmf|clang-19) ;; *) echo \"$p installed\" ;; "
         "esac; done\n");
  script(folder, "apt-get", "#!/bin/sh\ntouch \"$(dirname \"$0\")/called\"\nexit 1\n");
  const std::string path = folder.path().string() + ":" + std::getenv("PATH");
  // A copy: the tree's own stamp of checked packages stays as it is.
  qemu::fs::copy_file(RUNNEL_SOURCE_DIR "/runnel", folder.path() / "runnel");
  const ToolRun run =
      program({(folder.path() / "runnel").string(), "--no-install", "list"}, 60, {{"PATH", path}});
  INFO(run.text);
  CHECK(run.status == code(ExitStatus::kMissing));
  CHECK(run.says("clang-19 "));
  CHECK(run.says("ovmf "));
  CHECK_FALSE(run.says("qemu-system-arm"));
  CHECK(run.says("apt-get install --no-install-recommends clang-19 ovmf"));
  CHECK_FALSE(qemu::fs::exists(folder.path() / "called"));
}
