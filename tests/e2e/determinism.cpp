// SPDX-License-Identifier: Apache-2.0
// The gate: in deterministic mode two runs of the same thing are the same to the byte, on 4 CPUs, on both
// architectures, whatever else the host does.
#include "tests/e2e/support.hpp"

#include <catch2/catch.hpp>

using namespace runnel;
using namespace runnel::e2e;

namespace {

struct Recorded {
  std::string serial, events;
};

Recorded record(const char* arch, const char* seed) {
  const qemu::TempFolder folder;
  const auto log = folder.path() / "serial.log", events = folder.path() / "events.txt";
  const ToolRun run = tool({"run", "default", "--arch", arch, "--smp", "4", "--deterministic", "--seed", seed,
                            "--duration", "0.05", "--log", log.string(), "--events", events.string()},
                           500);
  INFO(run.text);
  REQUIRE(run.status == 0);
  return {qemu::read_file(log), qemu::read_file(events)};
}

} // namespace

TEST_CASE("e2e: a deterministic run repeats to the byte, serial log and scheduling events",
          "[e2e][determinism]") {
  const char* arch = GENERATE(as<const char*>{}, "x86_64", "aarch64");
  const Recorded first = record(arch, "7"), second = record(arch, "7");
  CHECK(first.serial.find("runnel: end passed") != std::string::npos);
  CHECK(first.events.find("sched_switch:") != std::string::npos);
  CHECK((first.serial == second.serial));
  CHECK((first.events == second.events));
}

TEST_CASE("e2e: deterministic tests repeat to the byte", "[e2e][determinism]") {
  const char* arch = GENERATE(as<const char*>{}, "x86_64", "aarch64");
  std::string logs[2];
  for (std::string& text : logs) {
    const qemu::TempFolder folder;
    const auto log = folder.path() / "serial.log";
    const ToolRun run = tool({"test", "selftest", "sched", "--target-only", "--arch", arch, "--boot",
                              "direct", "--smp", "4", "--deterministic", "--log", log.string()},
                             500);
    INFO(run.text);
    REQUIRE(run.status == 0);
    text = qemu::read_file(log);
  }
  CHECK(logs[0].find("# Totals: ") != std::string::npos);
  CHECK((logs[0] == logs[1]));
}

TEST_CASE("e2e: images are the same wherever the tree lies", "[e2e][determinism]") {
  const char* name =
      GENERATE(as<const char*>{}, "runnel-x86_64.elf", "runnel-aarch64.img", "runnel-test-x86_64.elf",
               "runnel-test-aarch64.img", "user-x86_64.cpio", "user-aarch64.cpio");
  const std::string image = qemu::read_file(qemu::build_folder() / name);
  INFO(name << ", " << image.size() << " bytes");
  CHECK(image.find("kernel/") != std::string::npos); // files are named in it, from the top of the tree
  CHECK(image.find(qemu::source_folder().string()) == std::string::npos);
}
