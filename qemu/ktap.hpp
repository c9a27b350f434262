// SPDX-License-Identifier: Apache-2.0
// Reads KTAP version 1 with one level of subtests out of a serial log, line by line. Never fails: lines that
// are not KTAP become part of the log of the test they stand before.
#pragma once

#include "kernel/lib/types.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace runnel::qemu {

enum class KtapVerdict { kPassed, kFailed, kSkipped };

struct KtapResult {
  std::string suite;
  std::string name; // without the suite
  KtapVerdict verdict = KtapVerdict::kPassed;
  std::string reason;         // of a skip
  std::optional<u64> time_us; // guest time
  std::string log;            // the lines since the test before it
};

class KtapParser {
 public:
  /// The result that this line completes, if it completes one.
  std::optional<KtapResult> take(std::string_view line);
  /// Lines after the last result: what was printed by a test that never got one.
  const std::string& unfinished_log() const { return log_; }
  /// Contradictions seen: a plan that was not kept, numbers out of order, a subtest's point without subtest.
  const std::vector<std::string>& problems() const { return problems_; }
  /// Whether a top-level plan came and as many top-level points as it says.
  bool complete() const { return planned_suites_ && suites_seen_ == *planned_suites_; }

 private:
  std::optional<KtapResult> take_point(std::string_view text, bool nested);
  void end_suite(std::string_view name);

  std::optional<u64> planned_suites_, planned_cases_;
  u64 suites_seen_ = 0, cases_seen_ = 0;
  std::string suite_;
  std::string log_;
  std::vector<std::string> problems_;
};

} // namespace runnel::qemu
