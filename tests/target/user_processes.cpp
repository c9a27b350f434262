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

} // namespace
} // namespace runnel
