// SPDX-License-Identifier: Apache-2.0
// What a person sees while tests run: on a terminal one line that changes, otherwise a line per finished job.
// Failures are shown in full as soon as they are known. Thread-safe.
#pragma once

#include "qemu/results.hpp"

#include <chrono>
#include <mutex>
#include <string>

namespace runnel::qemu {

class Progress {
 public:
  explicit Progress(u64 jobs) : jobs_(jobs) {}
  ~Progress() { clear(); }
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  void test_done(const TestResult& result);
  /// `what` is the job's name, `outcome` its counts and time.
  void job_done(const std::string& what, const Counts& counts, double seconds);
  /// One line that stays.
  void note(const std::string& text);

 private:
  void show(const std::string& what);
  void clear();

  std::mutex lock_;
  u64 jobs_ = 0, jobs_done_ = 0;
  Counts total_;
  std::chrono::steady_clock::time_point shown_;
  bool line_open_ = false;
};

} // namespace runnel::qemu
