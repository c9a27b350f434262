// SPDX-License-Identifier: Apache-2.0
// The CPU's state of user programs: what each has in its registers is its own. The programs are tests/user's.
#include "kernel/smp/cpumask.hpp"
#include "kernel/test/test.hpp"
#include "kernel/user/process.hpp"

#include <array>
#include <string_view>

namespace runnel {
namespace {

using user::Process;

class Program {
 public:
  Program() = default;
  ~Program() { static_cast<void>(status()); }
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;

  void start(std::string_view path, std::span<const std::string_view> argv) {
    constexpr std::string_view kEnvironment[] = {"KTAP_QUIET=1"};
    const Result<Process*> process = user::spawn(path, argv, kEnvironment);
    CHECK(process.has_value());
    if (process) process_ = *process;
  }
  /// Waits for its end; its wait status, or -1 when it never started.
  i32 status() {
    if (process_ == nullptr) return -1;
    process_->exited.wait();
    const i32 status = process_->exit_status;
    put_process(*process_);
    process_ = nullptr;
    return status;
  }

 private:
  Process* process_ = nullptr;
};

i32 run(std::string_view path) {
  Program program;
  const std::string_view argv[] = {path};
  program.start(path, argv);
  return program.status();
}

/// Programs with different values in their registers take turns: some of the time each, all of it at once.
template <usize N> void run_side_by_side(const std::string_view (&seeds)[N], std::string_view milliseconds) {
  constexpr std::string_view kPath = "/bin/cpu_state";
  Program programs[N];
  for (usize i = 0; i < N; ++i) {
    const std::string_view argv[] = {kPath, seeds[i], milliseconds};
    programs[i].start(kPath, argv);
  }
  for (Program& program : programs) CHECK(program.status() == 0);
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
  for (const Crash& crash : crashes) {
    Program program;
    const std::string_view argv[] = {"/bin/crash", crash.how};
    program.start("/bin/crash", argv);
    CHECK(program.status() == user::status_killed(crash.signal));
  }
}

} // namespace
} // namespace runnel
