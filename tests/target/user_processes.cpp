// SPDX-License-Identifier: Apache-2.0
// Programs of tests/user about signals, processes and threads; what they check they print, they end with 0.
#include "kernel/test/test.hpp"
#include "kernel/user/process.hpp"

namespace runnel {
namespace {

void run_program(std::string_view path) {
  const std::string_view argv[] = {path};
  constexpr std::string_view kEnvironment[] = {"KTAP_QUIET=1"};
  const Result<user::Process*> process = user::spawn(path, argv, kEnvironment);
  CHECK(process.has_value());
  if (!process) return;
  (*process)->exited.wait();
  CHECK((*process)->exit_status == 0);
  put_process(**process);
}

RUNNEL_TEST(user_processes, signals, .limit = 10_s, .time = test::GuestTime::kExact)
{
  run_program("/bin/signals");
}

RUNNEL_TEST(user_processes, life_of_processes_and_threads, .limit = 10_s)
{
  run_program("/bin/processes");
}

} // namespace
} // namespace runnel
