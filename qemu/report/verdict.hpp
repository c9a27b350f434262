// SPDX-License-Identifier: Apache-2.0
// Judges a report by what its scenario expects.
#pragma once

#include "qemu/report/report.hpp"
#include "qemu/scenario/model.hpp"

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

namespace runnel::report {

enum class Holds : u8 { kYes, kNo };

/// One expectation and what came of it.
struct Verdict {
  Holds holds = Holds::kNo;
  std::string subject;         // "hog"; empty: the whole run
  std::string metric;          // "share_percent"
  std::string expected;        // "75 within 1"
  std::string measured;        // "74.8 (hog-1)", or why there is nothing to compare
  std::optional<double> value; // when it is a number
  std::string place;           // "file:line:column" of the expectation
};

/// One verdict per expectation, in the order of the file. Of a bound every thread must satisfy by itself, the
/// value of the thread that misses it by most, or comes closest to, is told. What was not measured (no
/// wake-up, no thread) does not hold.
std::vector<Verdict> judge(const scenario::Scenario& scenario, const Report& report);

bool all_hold(const std::vector<Verdict>& verdicts);

/// Lines for people; empty without expectations. Ends in a newline.
std::string format_verdicts(const std::vector<Verdict>& verdicts, const TableOptions& options = {});
nlohmann::ordered_json to_json(const std::vector<Verdict>& verdicts);

} // namespace runnel::report
