// SPDX-License-Identifier: Apache-2.0
// Runs on-target tests, each in a thread of its own under the watchdog, and prints KTAP.
#pragma once

#include "boot/boot_info.hpp"
#include "kernel/lib/types.hpp"
#include "kernel/test/test_case.hpp"

#include <span>
#include <string_view>

namespace runnel::test {

/// All tests of this image, in the order of the image.
std::span<const TestCase> all_tests();
/// Whether this architecture has it and `globs` selects it.
bool is_selected(const TestCase& test, std::string_view globs);

/// Runs the tests that `globs` (separated by commas) select, in the order of their names. kPassed, kFailed,
/// or kBadCommandLine (with the reason on the console) when there is none. `patience` multiplies every test's
/// limit. Thread context.
boot::ExitCode run_tests(std::string_view globs, u32 patience = 5);

} // namespace runnel::test
