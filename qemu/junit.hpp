// SPDX-License-Identifier: Apache-2.0
// Test results as files for other programs.
#pragma once

#include "qemu/results.hpp"

#include <ctime>
#include <span>
#include <string>
#include <string_view>

namespace runnel::qemu {

/// JUnit XML that both common schemas accept (Ant's and Jenkins'): one <testsuite> per group. Results come
/// sorted by group.
std::string to_junit(std::span<const TestResult> results, std::time_t started);

/// {"version":1,"passed":N,"failed":N,"skipped":N,"status":N,"results":[...]}
std::string to_json(std::span<const TestResult> results, const Counts& counts, ExitStatus status);

/// Text for XML: markup escaped, what XML 1.0 cannot hold (control characters, broken UTF-8) as '?'.
std::string escape_xml(std::string_view text);

} // namespace runnel::qemu
