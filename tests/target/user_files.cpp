// SPDX-License-Identifier: Apache-2.0
// Programs of the initrd (tests/user) that use files, pipes and what is waited for, and read /proc: what they
// check holds on Linux too.
#include "kernel/test/test.hpp"
#include "kernel/user/process.hpp"

namespace runnel {
namespace {

void run(std::string_view path) {
  constexpr std::string_view kEnvironment[] = {"KTAP_QUIET=1"};
  const std::string_view argv[] = {path};
  const Result<user::Process*> process = user::spawn(path, argv, kEnvironment);
  REQUIRE(process.has_value());
  (*process)->exited.wait();
  CHECK((*process)->exit_status == 0);
  user::put_process(**process);
}

RUNNEL_TEST(user_state, files, .limit = 5_s)
{
  run("/bin/files");
}
RUNNEL_TEST(user_state, events, .limit = 5_s, .time = test::GuestTime::kExact)
{
  run("/bin/events");
}
RUNNEL_TEST(user_state, proc_files, .limit = 5_s)
{
  run("/bin/proc_files");
}

} // namespace
} // namespace runnel
