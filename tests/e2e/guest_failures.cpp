// SPDX-License-Identifier: Apache-2.0
// Guests that end badly, each in its own way: the tool says what happened and where, goes on with the other
// tests, and ends with the status of that kind.
#include "tests/e2e/support.hpp"

#include <catch2/catch.hpp>

using namespace runnel;
using namespace runnel::e2e;
using qemu::ExitStatus;

namespace {

ToolRun test_one(const char* arch, const char* name, Words more = {}) {
  Words words = {"test",   name,     "--target-only", "--arch", arch,
                 "--boot", "direct", "--smp",         "4",      "--parallel"};
  words.insert(words.end(), more.begin(), more.end());
  return tool(words);
}

/// Whether a backtrace leads into the demo's source, directly or through something inlined there.
bool names_demo(const ToolRun& run) {
  return run.says("(tests/target/selftest_demo.cpp:") ||
         run.says(", inlined in tests/target/selftest_demo.cpp:");
}

} // namespace

TEST_CASE("e2e: a failed assertion is shown with its values and place", "[e2e][fail]") {
  const char* arch = GENERATE(as<const char*>{}, "x86_64", "aarch64");
  const ToolRun run = test_one(arch, "demo.fail");
  INFO(run.text);
  CHECK(run.status == code(ExitStatus::kFailed));
  CHECK(run.says("apples == pears"));
  CHECK(run.says("3 == 4"));
  CHECK(run.says("tests/target/selftest_demo.cpp:"));
  CHECK(run.says("again: ./runnel test demo.fail"));
  CHECK(run.says("\n0 passed, 1 failed\n"));
}

TEST_CASE("e2e: a panic gives its text, all CPUs' stacks with source lines, and status 3", "[e2e][panic]") {
  const char* arch = GENERATE(as<const char*>{}, "x86_64", "aarch64");
  const ToolRun run = test_one(arch, "demo.panic");
  INFO(run.text);
  CHECK(run.status == code(ExitStatus::kPanic));
  CHECK(run.says("panic: demo: 1 is not 2"));
  CHECK(run.says("while running demo.panic"));
  for (const char* cpu : {"cpu 0:", "cpu 1:", "cpu 2:", "cpu 3:"}) CHECK(run.says(cpu));
  CHECK(names_demo(run));
}

TEST_CASE("e2e: a panic takes only its own test down; the others run in a fresh boot", "[e2e][panic]") {
  const char* arch = GENERATE(as<const char*>{}, "x86_64", "aarch64");
  const ToolRun run = tool({"test", "demo.panic", "demo.fail", "selftest.check_passes", "--target-only",
                            "--arch", arch, "--boot", "direct", "--smp", "1", "--parallel"});
  INFO(run.text);
  CHECK(run.status == code(ExitStatus::kPanic));
  CHECK(run.says("\n1 passed, 2 failed\n"));
}

TEST_CASE("e2e: an unexpected exception is a panic with registers", "[e2e][panic]") {
  const char* arch = GENERATE(as<const char*>{}, "x86_64", "aarch64");
  const ToolRun run = test_one(arch, "demo.fault");
  INFO(run.text);
  CHECK(run.status == code(ExitStatus::kPanic));
  CHECK(run.says("selftest_demo.cpp:"));
}

TEST_CASE("e2e: a hang with interrupts on is found by the guest's limit", "[e2e][hang]") {
  const char* arch = GENERATE(as<const char*>{}, "x86_64", "aarch64");
  const ToolRun run = test_one(arch, "demo.hang_irqs_on", {"--append", "patience=1"});
  INFO(run.text);
  CHECK(run.status == code(ExitStatus::kHang));
  CHECK(run.says("demo.hang_irqs_on did not end within its limit"));
  CHECK(names_demo(run));
}

TEST_CASE("e2e: a hang with interrupts off is found by a neighbour", "[e2e][hang]") {
  const char* arch = GENERATE(as<const char*>{}, "x86_64", "aarch64");
  const ToolRun run = test_one(arch, "demo.hang_irqs_off", {"--append", "patience=100"});
  INFO(run.text);
  CHECK(run.status == code(ExitStatus::kHang));
  CHECK(run.says("has taken no interrupt for"));
  CHECK(names_demo(run));
}

TEST_CASE("e2e: a silent guest is examined from outside", "[e2e][silent]") {
  const char* arch = GENERATE(as<const char*>{}, "x86_64", "aarch64");
  const ToolRun run = test_one(arch, "demo.silent", {"--silence", "12", "--append", "patience=100"});
  INFO(run.text);
  CHECK(run.status == code(ExitStatus::kHang));
  CHECK(run.says("no output for 12 s"));
  CHECK(run.says("seen from outside:"));
  CHECK(run.says("spin"));
  CHECK(names_demo(run));
  const auto at = run.text.find("memory saved in ");
  REQUIRE(at != std::string::npos);
  const auto start = at + std::string_view("memory saved in ").size();
  const qemu::fs::path core = run.text.substr(start, run.text.find('\n', start) - start);
  CHECK(qemu::fs::file_size(core) > (u64{64} << 20));
  CHECK(qemu::read_file(core).starts_with("\x7f"
                                          "ELF"));
  qemu::fs::remove(core);
}

TEST_CASE("e2e: a triple fault is a crash of the guest", "[e2e][crash]") {
  const ToolRun run = test_one("x86_64", "demo.triple_fault");
  INFO(run.text);
  CHECK(run.status == code(ExitStatus::kCrash));
  CHECK(run.says("the guest reset the machine"));
  CHECK(run.says("seen from outside:"));
}
