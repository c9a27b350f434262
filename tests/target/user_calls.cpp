// SPDX-License-Identifier: Apache-2.0
// System calls, tried by programs of tests/user.
#include "kernel/test/test.hpp"
#include "kernel/user/process.hpp"

#include <string_view>

namespace runnel {
namespace {

/// Its wait status; -1: it was not started.
i32 run(std::string_view path) {
  constexpr std::string_view kEnvironment[] = {"KTAP_QUIET=1"};
  const std::string_view argv[] = {path};
  const Result<user::Process*> process = user::spawn(path, argv, kEnvironment);
  if (!process) return -1;
  (*process)->exited.wait();
  const i32 status = (*process)->exit_status;
  put_process(**process);
  return status;
}

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

RUNNEL_TEST(user_calls, clocks_and_the_cpu_s_number_from_user_mode, .limit = 5_s)
{
  CHECK(run("/bin/vdso") == 0);
}

// O05
RUNNEL_TEST(user_calls, sleeps_and_usage, .limit = 5_s, .time = test::GuestTime::kExact)
{
  CHECK(run("/bin/sleeping") == 0);
}

} // namespace
} // namespace runnel
