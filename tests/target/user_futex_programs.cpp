// SPDX-License-Identifier: Apache-2.0
// tests/user/futex_threads: the C library's threads, mutexes and condition variables on top of the futex
// calls.
#include "kernel/test/test.hpp"
#include "kernel/user/process.hpp"

namespace runnel {
namespace {

RUNNEL_TEST(user_futex, threads_of_the_c_library, .limit = 20_s)
{
  constexpr std::string_view kPath = "/bin/futex_threads";
  const std::string_view argv[] = {kPath};
  constexpr std::string_view kEnvironment[] = {"KTAP_QUIET=1"};
  const Result<user::Process*> process = user::spawn(kPath, argv, kEnvironment);
  REQUIRE(process.has_value());
  (*process)->exited.wait();
  CHECK((*process)->exit_status == 0);
  put_process(**process);
}

} // namespace
} // namespace runnel
