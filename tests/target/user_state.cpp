// SPDX-License-Identifier: Apache-2.0
// The CPU's state of user programs: what each has in its registers is its own. The programs are tests/user's.
#include "tests/target/programs.hpp"

namespace runnel {
namespace {

using test::run;

/// Programs with different values in their registers take turns: some of the time each, all of it at once.
template <usize N> void run_side_by_side(const std::string_view (&seeds)[N], std::string_view milliseconds) {
  constexpr std::string_view kPath = "/bin/cpu_state";
  user::Process* programs[N];
  for (usize i = 0; i < N; ++i) {
    const std::string_view argv[] = {kPath, seeds[i], milliseconds};
    programs[i] = test::start(kPath, argv);
  }
  for (user::Process* const program : programs) CHECK(test::finish(program) == 0);
}

RUNNEL_TEST(user_state, registers_are_ones_own_while_programs_take_turns, .limit = 5_s)
{
  // More than CPUs for most machines; the second round gets what the first one left behind.
  run_side_by_side({"1", "2", "3", "4", "5"}, "60");
  run_side_by_side({"6", "7"}, "20");
}

RUNNEL_TEST(user_state, a_new_program_finds_its_arguments_and_nothing_of_others, .limit = 2_s)
{
  CHECK(run("/bin/start_state") == 0);
  CHECK(run("/bin/start_state") == 0);
}

RUNNEL_TEST(user_state, written_code_is_executed_as_written, .limit = 2_s)
{
  CHECK(run("/bin/new_code") == 0);
}

RUNNEL_TEST(user_state, bad_pointers_hurt_nobody, .limit = 2_s)
{
  CHECK(run("/bin/bad_pointers") == 0);
}

RUNNEL_TEST(user_state, what_the_cpu_forbids_kills_the_program_alone, .limit = 5_s)
{
  struct Crash {
    std::string_view how;
    i32 signal;
  };
  constexpr bool kArm = arch::kName == "aarch64";
  const Crash crashes[] = {
      {"segv", user::kSigSegv},
      {"kernel", user::kSigSegv},
      {"text", user::kSigSegv},
      {"execute", user::kSigSegv},
      {"ill", user::kSigIll},
      {"trap", user::kSigTrap},
      {"system", kArm ? user::kSigIll : user::kSigSegv},
  };
  for (const Crash& crash : crashes)
    CHECK(run("/bin/crash", {crash.how}) == user::status_killed(crash.signal));
}

} // namespace
} // namespace runnel
