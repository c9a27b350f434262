// SPDX-License-Identifier: Apache-2.0
#include "qemu/results.hpp"

#include "qemu/sort.hpp"

#include <fmt/format.h>

namespace runnel::qemu {

void Results::add(TestResult result) {
  const std::lock_guard guard(lock_);
  switch (result.verdict) {
  case Verdict::kPassed:
    ++counts_.passed;
    break;
  case Verdict::kSkipped:
    ++counts_.skipped;
    break;
  case Verdict::kFailed:
    ++counts_.failed;
    if (result.kind == ExitStatus::kPassed) result.kind = ExitStatus::kFailed;
    status_ = worse(status_, result.kind);
    break;
  }
  if (result.verdict != Verdict::kFailed) result.log.clear();
  results_.push_back(std::move(result));
}

Counts Results::counts() const {
  const std::lock_guard guard(lock_);
  return counts_;
}

ExitStatus Results::status() const {
  const std::lock_guard guard(lock_);
  return status_;
}

std::vector<TestResult> Results::take() {
  const std::lock_guard guard(lock_);
  sort_by(results_, [](const TestResult& r) { return std::string_view(r.group); });
  return std::move(results_);
}

std::string total_line(const Counts& counts) {
  std::string text = fmt::format("{} passed, {} failed", counts.passed, counts.failed);
  if (counts.skipped != 0) text += fmt::format(", {} skipped", counts.skipped);
  return text;
}

} // namespace runnel::qemu
