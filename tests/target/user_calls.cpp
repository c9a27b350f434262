// SPDX-License-Identifier: Apache-2.0
// System calls, tried by programs of tests/user.
#include "tests/target/programs.hpp"

namespace runnel {
namespace {

using test::run;

RUNNEL_TEST(user_calls, policies_attributes_nice_values_and_affinity, .limit = 5_s,
            .time = test::GuestTime::kExact)
{
  CHECK(run("/bin/scheduling") == 0);
}

RUNNEL_TEST(user_calls, prctl_ids_and_membarrier, .limit = 5_s)
{
  CHECK(run("/bin/identity") == 0);
}

RUNNEL_TEST(user_calls, timers_without_signals, .limit = 5_s, .time = test::GuestTime::kExact)
{
  CHECK(run("/bin/timers") == 0);
}

RUNNEL_TEST(user_calls, timers_send_signals, .limit = 5_s, .time = test::GuestTime::kExact)
{
  CHECK(run("/bin/timer_signals") == 0);
}

RUNNEL_TEST(user_calls, processor_time_has_clocks_timers_and_limits, .limit = 20_s,
            .time = test::GuestTime::kExact)
{
  CHECK(run("/bin/cpu_timers") == 0);
}

RUNNEL_TEST(user_calls, clocks_and_the_cpu_s_number_from_user_mode, .limit = 5_s)
{
  CHECK(run("/bin/vdso") == 0);
}

// Two CPUs: with more the idle ones get in between.
RUNNEL_TEST(user_calls, a_spinning_thread_leaves_the_others_their_turn, .cpus = 2, .limit = 10_s)
{
  CHECK(run("/bin/no_pause") == 0);
}

// O05
RUNNEL_TEST(user_calls, sleeps_and_usage, .limit = 5_s, .time = test::GuestTime::kExact)
{
  CHECK(run("/bin/sleeping") == 0);
}

// R08, D17
RUNNEL_TEST(user_calls, running_too_long_is_told_and_ended, .limit = 20_s, .time = test::GuestTime::kExact)
{
  CHECK(run("/bin/cpu_limits") == 0);
}

// R15, D34
RUNNEL_TEST(user_calls, periodic_threads_are_never_a_tick_late, .limit = 20_s,
            .time = test::GuestTime::kExact)
{
  CHECK(run("/bin/cyclic") == 0);
}

// O03
RUNNEL_TEST(user_calls, running_waiting_and_sleeping_add_up, .limit = 10_s, .time = test::GuestTime::kExact)
{
  CHECK(run("/bin/waits") == 0);
}

// O04
RUNNEL_TEST(user_calls, schedstat_counts_for_cpus_and_domains, .limit = 10_s, .time = test::GuestTime::kExact)
{
  CHECK(run("/bin/schedstat") == 0);
}

} // namespace
} // namespace runnel
