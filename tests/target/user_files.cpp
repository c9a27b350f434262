// SPDX-License-Identifier: Apache-2.0
// Programs of the initrd (tests/user) that use files, pipes and what is waited for, and read /proc: what they
// check holds on Linux too.
#include "tests/target/programs.hpp"

namespace runnel {
namespace {

using test::run;

RUNNEL_TEST(user_state, files, .limit = 5_s)
{
  CHECK(run("/bin/files") == 0);
}
RUNNEL_TEST(user_state, events, .limit = 5_s, .time = test::GuestTime::kExact)
{
  CHECK(run("/bin/events") == 0);
}
RUNNEL_TEST(user_state, file_locks, .limit = 10_s, .time = test::GuestTime::kExact)
{
  CHECK(run("/bin/file_locks") == 0);
}
RUNNEL_TEST(user_state, fifos, .limit = 5_s, .time = test::GuestTime::kExact)
{
  CHECK(run("/bin/fifos") == 0);
}
RUNNEL_TEST(user_state, files_through_sockets, .limit = 5_s)
{
  CHECK(run("/bin/pass_files") == 0);
}
RUNNEL_TEST(user_state, proc_files, .limit = 5_s)
{
  CHECK(run("/bin/proc_files") == 0);
}

} // namespace
} // namespace runnel
