// SPDX-License-Identifier: Apache-2.0
// What became of each test, whatever kind it is of, and the sums.
#pragma once

#include "kernel/lib/types.hpp"
#include "qemu/exit_status.hpp"

#include <mutex>
#include <string>
#include <vector>

namespace runnel::qemu {

enum class Verdict { kPassed, kFailed, kSkipped };

struct TestResult {
  std::string group; // where it ran: "x86_64 direct smp=4", "host", "e2e", "fuzz", "lint"
  std::string suite;
  std::string name;
  Verdict verdict = Verdict::kPassed;
  ExitStatus kind = ExitStatus::kPassed; // of a failure: an assertion, a panic, a hang, a crash, ...
  std::string reason;                    // one line: why it failed or was skipped
  std::string log;                       // what it printed; kept for failures only
  std::string file;                      // where it is declared
  u32 line = 0;
  double seconds = 0; // guest time on the target, wall time on the host
  std::string again;  // the command that runs it again

  std::string full_name() const { return suite.empty() ? name : suite + "." + name; }
};

struct Counts {
  u64 passed = 0, failed = 0, skipped = 0;
};

/// Collects results from several threads.
class Results {
 public:
  void add(TestResult result);
  Counts counts() const;
  /// The worst of all failures, kPassed when there is none.
  ExitStatus status() const;
  /// Sorted by group, in the order they came within one. For when all threads are done.
  std::vector<TestResult> take();

 private:
  mutable std::mutex lock_;
  std::vector<TestResult> results_;
  Counts counts_;
  ExitStatus status_ = ExitStatus::kPassed;
};

/// "12 passed, 0 failed", and ", 3 skipped" where some were: the last line of every test command.
std::string total_line(const Counts& counts);

} // namespace runnel::qemu
