// SPDX-License-Identifier: Apache-2.0
#include "kernel/test/ktap.hpp"

#include "kernel/lib/glob.hpp"

namespace runnel::test::ktap {

void begin(u32 suites, Sink& sink) { format_to(sink, "KTAP version 1\n1..{}\n", suites); }

void begin_suite(std::string_view suite, u32 cases, Sink& sink) {
  format_to(sink, "{}KTAP version 1\n{}# Subtest: {}\n{}1..{}\n", kCaseIndent, kCaseIndent, suite,
            kCaseIndent, cases);
}

void case_point(Verdict verdict, u32 number, std::string_view name, std::string_view reason, u64 time_us,
                Sink& sink) {
  format_to(sink, "{}{} {} {}", kCaseIndent, verdict == Verdict::kFailed ? "not ok" : "ok", number, name);
  if (verdict == Verdict::kSkipped)
    format_to(sink, " # SKIP {}\n", reason);
  else
    format_to(sink, " # time_us={}\n", time_us);
}

void suite_point(u32 number, std::string_view suite, const Counts& counts, Sink& sink) {
  if (counts.failed != 0) return format_to(sink, "not ok {} {}\n", number, suite);
  const bool nothing_ran = counts.passed == 0 && counts.skipped != 0;
  format_to(sink, "ok {} {}{}\n", number, suite, nothing_ran ? " # SKIP every test was skipped" : "");
}

void totals(const Counts& counts, Sink& sink) {
  format_to(sink, "# Totals: pass:{} fail:{} skip:{}\n", counts.passed, counts.failed, counts.skipped);
}

std::string_view suite_of(std::string_view name) { return name.substr(0, name.find('.')); }

std::string_view case_of(std::string_view name) {
  const auto dot = name.find('.');
  return dot == std::string_view::npos ? std::string_view{} : name.substr(dot + 1);
}

bool selects(std::string_view patterns, std::string_view name, ByName only_by_name) {
  const std::string_view suite = suite_of(name);
  return any_of_list(patterns, [&](std::string_view pattern) {
    if (only_by_name == ByName::kYes && suite_of(pattern) != suite) return false;
    if (pattern.find('.') == std::string_view::npos)
      return only_by_name == ByName::kNo && glob_match(pattern, suite);
    return glob_match(pattern, name);
  });
}

} // namespace runnel::test::ktap
