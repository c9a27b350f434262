// SPDX-License-Identifier: Apache-2.0
// Lines of KTAP version 1 with one subtest per suite. Two levels: suites at column 0, cases indented by two.
#pragma once

#include "kernel/lib/format.hpp"

namespace runnel::test::ktap {

inline constexpr std::string_view kCaseIndent = "  ";

enum class Verdict : u8 { kPassed, kFailed, kSkipped };

struct Counts {
  u32 passed = 0, failed = 0, skipped = 0;
  constexpr void add(Verdict verdict) {
    ++(verdict == Verdict::kPassed ? passed : verdict == Verdict::kFailed ? failed : skipped);
  }
};

void begin(u32 suites, Sink& sink);
void begin_suite(std::string_view suite, u32 cases, Sink& sink);
/// `reason` is what a skipped test needs; `time_us` is left out of skipped ones.
void case_point(Verdict verdict, u32 number, std::string_view name, std::string_view reason, u64 time_us,
                Sink& sink);
void suite_point(u32 number, std::string_view suite, const Counts& counts, Sink& sink);
void totals(const Counts& counts, Sink& sink);

/// "suite" and "case" of "suite.case".
std::string_view suite_of(std::string_view name);
std::string_view case_of(std::string_view name);

/// Whether one of the comma-separated `patterns` selects the test `name`. A pattern without a dot is a
/// suite's. A test that is only to be had by name needs a pattern that spells out its suite up to the dot.
enum class ByName : u8 { kNo, kYes };
bool selects(std::string_view patterns, std::string_view name, ByName only_by_name);

} // namespace runnel::test::ktap
