// SPDX-License-Identifier: Apache-2.0
// Emulators that are killed, tools that are interrupted: nobody is left behind, and the status says what
// happened.
#include "tests/e2e/support.hpp"

#include <catch2/catch.hpp>
#include <chrono>
#include <csignal>
#include <sys/wait.h>
#include <thread>

using namespace runnel;
using namespace runnel::e2e;
using qemu::ExitStatus;

namespace {

constexpr double kStartLimit = 60; // seconds until an emulator must be there, on a busy host

/// A tool whose guest does nothing for a long time.
struct BusyTool {
  std::string mark = "seed=" + std::to_string(unique_seed());
  qemu::Process process;

  explicit BusyTool(const char* arch)
      : process(
            start_tool({"test", "demo.hang_asleep", "--target-only", "--arch", arch, "--boot", "direct",
                        "--smp", "2", "--parallel", "--append", "patience=1000", "--seed", mark.substr(5)})) {
    REQUIRE(wait_for_emulators(mark, 1, kStartLimit));
  }
  int status() { return WEXITSTATUS(process.wait()); }
};

} // namespace

TEST_CASE("e2e: a killed QEMU is a crash of the guest, not a hang of the tool", "[e2e][killed]") {
  const char* arch = GENERATE(as<const char*>{}, "x86_64", "aarch64");
  BusyTool busy(arch);
  for (const pid_t pid : emulators_with(busy.mark)) ::kill(pid, SIGKILL);
  CHECK(busy.status() == code(ExitStatus::kCrash));
}

TEST_CASE("e2e: Ctrl-C and SIGTERM leave no QEMU behind", "[e2e][interrupt]") {
  const int signal = GENERATE(SIGINT, SIGTERM);
  BusyTool busy("x86_64");
  ::kill(busy.process.pid(), signal);
  CHECK(busy.status() == code(ExitStatus::kInterrupted));
  CHECK(wait_for_emulators(busy.mark, 0, 10));
}

TEST_CASE("e2e: a tool killed outright leaves no QEMU behind", "[e2e][interrupt]") {
  BusyTool busy("aarch64");
  ::kill(busy.process.pid(), SIGKILL);
  busy.process.wait();
  CHECK(wait_for_emulators(busy.mark, 0, 10));
}

TEST_CASE("e2e: a QEMU that stands still is given up", "[e2e][killed]") {
  const std::string seed = std::to_string(unique_seed());
  qemu::Process process =
      start_tool({"test", "demo.hang_asleep", "--target-only", "--arch", "x86_64", "--boot", "direct",
                  "--smp", "2", "--parallel", "--append", "patience=1000", "--seed", seed, "--silence", "3"});
  REQUIRE(wait_for_emulators("seed=" + seed, 1, kStartLimit));
  for (const pid_t pid : emulators_with("seed=" + seed)) ::kill(pid, SIGSTOP);
  const int status = WEXITSTATUS(process.wait());
  CHECK((status == code(ExitStatus::kHang) || status == code(ExitStatus::kCrash)));
  CHECK(emulators_with("seed=" + seed).empty());
}
