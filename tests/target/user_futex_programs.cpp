// SPDX-License-Identifier: Apache-2.0
// tests/user/futex_threads: the C library's threads, mutexes and condition variables on top of the futex
// calls.
#include "tests/target/programs.hpp"

namespace runnel {
namespace {

RUNNEL_TEST(user_futex, threads_of_the_c_library, .limit = 20_s)
{
  CHECK(test::run("/bin/futex_threads") == 0);
}

} // namespace
} // namespace runnel
