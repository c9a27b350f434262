// SPDX-License-Identifier: Apache-2.0
// Calls at random by tests/user/fuzz_syscalls, bounded; longer runs: docs/user_mode.md.
#include "kernel/test/test.hpp"
#include "kernel/user/process.hpp"

#include <string_view>

namespace runnel {
namespace {

/// That many rounds of some dozen calls each; its wait status.
i32 fuzz(std::string_view seed, std::string_view rounds) {
  constexpr std::string_view kPath = "/bin/fuzz_syscalls", kEnvironment[] = {"KTAP_QUIET=1"};
  const std::string_view argv[] = {kPath, seed, rounds};
  const Result<user::Process*> process = user::spawn(kPath, argv, kEnvironment);
  if (!process) return -1;
  (*process)->exited.wait();
  const i32 status = (*process)->exit_status;
  put_process(**process);
  return status;
}

RUNNEL_TEST(user_fuzz, no_call_hurts_the_kernel, .limit = 60_s)
{
  CHECK(fuzz("1", "40") == 0);
}

} // namespace
} // namespace runnel
