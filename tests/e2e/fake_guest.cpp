// SPDX-License-Identifier: Apache-2.0
// The tool against guests that no real kernel is: a script in QEMU's place says on the serial port what it
// likes.
#include "tests/e2e/support.hpp"

#include <catch2/catch.hpp>

using namespace runnel;
using namespace runnel::e2e;
using qemu::ExitStatus;

namespace {

ToolRun with_guest(const std::string& body, Words more = {}) {
  const qemu::TempFolder folder;
  const auto fake = script(folder, "qemu", "#!/bin/sh\n" + body + "\n");
  Words words = {"test",
                 "selftest.check_passes",
                 "selftest.skip",
                 "--target-only",
                 "--arch",
                 "aarch64",
                 "--boot",
                 "direct",
                 "--parallel",
                 "--smp",
                 "1"};
  words.insert(words.end(), more.begin(), more.end());
  return tool(words, 100, {{"RUNNEL_QEMU_AARCH64", fake.string()}});
}

constexpr const char* kStart =
    "printf 'KTAP version 1\\n1..1\\n  KTAP version 1\\n  # Subtest: selftest\\n  1..2\\n'\n";
constexpr const char* kBothOk =
    "printf '  ok 1 check_passes # time_us=3\\n  ok 2 skip # SKIP why not\\nok 1 selftest\\n'\n";

} // namespace

TEST_CASE("e2e: what the guest says is what is counted", "[e2e][fake]") {
  const ToolRun run = with_guest(std::string(kStart) + kBothOk + "echo 'runnel: end passed'; exit 16");
  INFO(run.text);
  CHECK(run.status == 0);
  CHECK(run.says("\n1 passed, 0 failed, 1 skipped\n"));
}

TEST_CASE("e2e: a guest that says passed but exits otherwise is not believed", "[e2e][fake]") {
  const ToolRun run =
      with_guest(std::string(kStart) + "echo '  ok 1 check_passes'; echo 'runnel: end passed'; exit 18");
  INFO(run.text);
  CHECK(run.status == code(ExitStatus::kCrash));
  CHECK(run.says("the guest said 'passed', but QEMU exited with status 18"));
}

TEST_CASE("e2e: a test without a result is a failure, whatever the guest says", "[e2e][fake]") {
  const ToolRun run = with_guest(std::string(kStart) + "echo '  ok 1 check_passes'; echo 'ok 1 selftest'\n"
                                                       "echo 'runnel: end passed'; exit 16");
  INFO(run.text);
  CHECK(run.status == code(ExitStatus::kInternal));
  CHECK(run.says("selftest.skip: the guest ended without a result for it"));
  CHECK(run.says("\n1 passed, 1 failed\n"));
}

TEST_CASE("e2e: QEMU's own complaint is passed on", "[e2e][fake]") {
  const ToolRun run = with_guest("echo 'qemu: no such machine' >&2; exit 1");
  INFO(run.text);
  CHECK(run.status == code(ExitStatus::kBootFailed));
  CHECK(run.says("qemu: no such machine"));
  CHECK(run.says("\n0 passed, 2 failed\n"));
}

TEST_CASE("e2e: a guest that never says a word is given up", "[e2e][fake][silent]") {
  const ToolRun run = with_guest("exec sleep 60", {"--silence", "1"});
  INFO(run.text);
  CHECK(run.status == code(ExitStatus::kCrash));
  CHECK(run.says("no output for 1 s"));
}

TEST_CASE("e2e: noise on the serial port harms nobody", "[e2e][fake]") {
  const ToolRun run = with_guest("head -c 300000 /dev/urandom; echo\n" + std::string(kStart) + kBothOk +
                                 "printf '\\033[2Jrunnel: end passed\\r\\n'; exit 16");
  CHECK(run.status == 0);
}
