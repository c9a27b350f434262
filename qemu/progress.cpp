// SPDX-License-Identifier: Apache-2.0
#include "qemu/progress.hpp"

#include "qemu/terminal.hpp"

#include <cstdio>
#include <fmt/format.h>

namespace runnel::qemu {
namespace {

constexpr auto kRefresh = std::chrono::milliseconds(80);

std::string failure_text(const TestResult& r) {
  const Terminal& terminal = Terminal::get();
  std::string text = fmt::format("{} {}: {}", terminal.paint(Tone::kBad, "FAILED"), r.group,
                                 terminal.paint(Tone::kStrong, r.full_name()));
  if (!r.reason.empty()) text += ": " + r.reason;
  text += '\n';
  for (std::string_view log = r.log; !log.empty();) {
    const auto end = log.find('\n');
    text.append("    ").append(log.substr(0, end)).append("\n");
    log.remove_prefix(end == std::string_view::npos ? log.size() : end + 1);
  }
  if (!r.file.empty()) text += fmt::format("    at {}:{}\n", r.file, r.line);
  if (!r.again.empty()) text += fmt::format("    again: {}\n", r.again);
  return text;
}

} // namespace

void Progress::test_done(const TestResult& result) {
  const std::lock_guard guard(lock_);
  ++(result.verdict == Verdict::kPassed   ? total_.passed
     : result.verdict == Verdict::kFailed ? total_.failed
                                          : total_.skipped);
  if (result.verdict == Verdict::kFailed) {
    clear();
    fmt::print("{}", failure_text(result));
    std::fflush(stdout);
  }
  show(fmt::format("{}: {}", result.group, result.full_name()));
}

void Progress::job_done(const std::string& what, const Counts& counts, double seconds) {
  const std::lock_guard guard(lock_);
  ++jobs_done_;
  clear();
  const bool bad = counts.failed != 0;
  fmt::print("{} {:<32} {} ({:.1f} s)\n",
             Terminal::get().paint(bad ? Tone::kBad : Tone::kGood, bad ? "FAIL" : "ok  "), what,
             total_line(counts).substr(0, 60), seconds);
  std::fflush(stdout);
}

void Progress::note(const std::string& text) {
  const std::lock_guard guard(lock_);
  clear();
  fmt::print("{}\n", text);
  std::fflush(stdout);
}

void Progress::show(const std::string& what) {
  const Terminal& terminal = Terminal::get();
  const auto now = std::chrono::steady_clock::now();
  if (!terminal.is_tty() || now - shown_ < kRefresh) return;
  shown_ = now;
  const std::string text = fmt::format("[{}/{} jobs, {} passed, {} failed] {}", jobs_done_, jobs_,
                                       total_.passed, total_.failed, what);
  fmt::print("\r\x1b[K{}", text.substr(0, terminal.width() - 1));
  std::fflush(stdout);
  line_open_ = true;
}

void Progress::clear() {
  if (line_open_) fmt::print("\r\x1b[K");
  line_open_ = false;
}

} // namespace runnel::qemu
