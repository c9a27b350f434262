// SPDX-License-Identifier: Apache-2.0
// Calls at random by tests/user/fuzz_syscalls, bounded; longer runs: docs/user_mode.md.
#include "tests/target/programs.hpp"

namespace runnel {
namespace {

RUNNEL_TEST(user_fuzz, no_call_hurts_the_kernel, .limit = 60_s)
{
  CHECK(test::run("/bin/fuzz_syscalls", {"1", "40"}) == 0); // 40 rounds of some dozen calls each
}

} // namespace
} // namespace runnel
