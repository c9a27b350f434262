// SPDX-License-Identifier: Apache-2.0
// Programs of tests/user about signals, processes and threads; what they check they print, they end with 0.
#include "tests/target/programs.hpp"

namespace runnel {
namespace {

using test::run;

RUNNEL_TEST(user_processes, signals, .limit = 10_s, .time = test::GuestTime::kExact)
{
  CHECK(run("/bin/signals") == 0);
}

RUNNEL_TEST(user_processes, life_of_processes_and_threads, .limit = 10_s)
{
  CHECK(run("/bin/processes") == 0);
}

RUNNEL_TEST(user_processes, descriptors_of_processes, .limit = 10_s)
{
  CHECK(run("/bin/pidfd") == 0);
}

RUNNEL_TEST(user_processes, descriptors_of_threads, .limit = 10_s)
{
  CHECK(run("/bin/pidfd_threads") == 0);
}

RUNNEL_TEST(user_processes, signals_are_read_from_descriptors, .limit = 10_s, .time = test::GuestTime::kExact)
{
  CHECK(run("/bin/signalfd") == 0);
}

// By name only: it takes all of the machine's memory, which is long on an emulator.
RUNNEL_TEST(user_processes, who_wants_too_much_is_stopped, .limit = 20_s, .select = test::Select::kOnlyByName)
{
  CHECK(run("/bin/too_much") == 0);
}

} // namespace
} // namespace runnel
