// SPDX-License-Identifier: Apache-2.0
#include "qemu/junit.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <unistd.h>

namespace runnel::qemu {
namespace {

/// Length of the valid UTF-8 sequence at the front of `text`; 0: none.
std::size_t utf8_length(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const std::size_t n = byte(0) < 0x80         ? 1
                        : (byte(0) >> 5) == 6  ? 2
                        : (byte(0) >> 4) == 14 ? 3
                        : (byte(0) >> 3) == 30 ? 4
                                               : 0;
  if (n == 0 || n > text.size()) return 0;
  u32 code = n == 1 ? byte(0) : byte(0) & (0x7fu >> n);
  for (std::size_t i = 1; i < n; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return 0;
    code = code << 6 | (byte(i) & 0x3fu);
  }
  const bool overlong = (n == 2 && code < 0x80) || (n == 3 && code < 0x800) || (n == 4 && code < 0x10000);
  const bool surrogate = code >= 0xd800 && code <= 0xdfff;
  return overlong || surrogate || code > 0x10ffff || code == 0xfffe || code == 0xffff ? 0 : n;
}

std::string host_name() {
  char name[256] = {};
  return ::gethostname(name, sizeof name - 1) == 0 && name[0] != '\0' ? name : "localhost";
}

void append_case(std::string& out, const TestResult& r) {
  out += fmt::format("    <testcase name=\"{}\" classname=\"{}\" time=\"{:.6f}\"", escape_xml(r.name),
                     escape_xml(r.suite.empty() ? r.group : r.group + "." + r.suite), r.seconds);
  if (r.verdict == Verdict::kPassed) {
    out += "/>\n";
    return;
  }
  out += ">\n";
  if (r.verdict == Verdict::kSkipped) {
    out += fmt::format("      <skipped message=\"{}\"/>\n", escape_xml(r.reason));
  } else {
    // An assertion that did not hold is a failure; a panic, a hang or a crash is an error.
    const bool assertion = r.kind == ExitStatus::kFailed;
    const char* type = assertion                      ? "assertion"
                       : r.kind == ExitStatus::kPanic ? "panic"
                       : r.kind == ExitStatus::kHang  ? "hang"
                       : r.kind == ExitStatus::kCrash ? "crash"
                                                      : "error";
    out += fmt::format("      <{0} message=\"{1}\" type=\"{2}\">{3}</{0}>\n", assertion ? "failure" : "error",
                       escape_xml(r.reason), type,
                       escape_xml(fmt::format("{}{}:{}\nagain: {}\n", r.log, r.file, r.line, r.again)));
  }
  out += "    </testcase>\n";
}

void append_suite(std::string& out, std::span<const TestResult> results, int id, std::time_t started) {
  u64 failures = 0, errors = 0, skipped = 0;
  double seconds = 0;
  for (const TestResult& r : results) {
    seconds += r.seconds;
    skipped += r.verdict == Verdict::kSkipped;
    if (r.verdict == Verdict::kFailed) ++(r.kind == ExitStatus::kFailed ? failures : errors);
  }
  out += fmt::format(
      "  <testsuite name=\"{0}\" package=\"runnel\" id=\"{1}\" timestamp=\"{2:%Y-%m-%dT%H:%M:%S}\" "
      "hostname=\"{3}\" tests=\"{4}\" failures=\"{5}\" errors=\"{6}\" skipped=\"{7}\" "
      "time=\"{8:.6f}\">\n    <properties/>\n",
      escape_xml(results.front().group), id, fmt::gmtime(started), escape_xml(host_name()), results.size(),
      failures, errors, skipped, seconds);
  for (const TestResult& r : results) append_case(out, r);
  out += "    <system-out/>\n    <system-err/>\n  </testsuite>\n";
}

const char* word(Verdict verdict) {
  return verdict == Verdict::kPassed ? "passed" : verdict == Verdict::kFailed ? "failed" : "skipped";
}

} // namespace

std::string escape_xml(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const std::size_t n = utf8_length(text);
    const char c = text[0];
    if (c == '&')
      out += "&amp;";
    else if (c == '<')
      out += "&lt;";
    else if (c == '>')
      out += "&gt;";
    else if (c == '"')
      out += "&quot;";
    else if (n == 0 || (static_cast<unsigned char>(c) < ' ' && c != '\n' && c != '\t'))
      out += '?';
    else
      out.append(text.substr(0, n));
    text.remove_prefix(n == 0 ? 1 : n);
  }
  return out;
}

std::string to_junit(std::span<const TestResult> results, std::time_t started) {
  std::string out = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n";
  for (int id = 0; !results.empty(); ++id) {
    std::size_t n = 1;
    while (n < results.size() && results[n].group == results[0].group) ++n;
    append_suite(out, results.first(n), id, started);
    results = results.subspan(n);
  }
  return out + "</testsuites>\n";
}

std::string to_json(std::span<const TestResult> results, const Counts& counts, ExitStatus status) {
  using Json = nlohmann::ordered_json;
  Json list = Json::array();
  for (const TestResult& r : results) {
    Json entry = {
        {"group", r.group}, {"name", r.full_name()}, {"verdict", word(r.verdict)}, {"seconds", r.seconds}};
    if (!r.file.empty()) entry["file"] = r.file, entry["line"] = r.line;
    if (!r.reason.empty()) entry["reason"] = r.reason;
    if (r.verdict == Verdict::kFailed)
      entry["status"] = static_cast<int>(r.kind), entry["log"] = r.log, entry["again"] = r.again;
    list.push_back(std::move(entry));
  }
  const Json whole = {{"version", 1},
                      {"passed", counts.passed},
                      {"failed", counts.failed},
                      {"skipped", counts.skipped},
                      {"status", static_cast<int>(status)},
                      {"results", std::move(list)}};
  return whole.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

} // namespace runnel::qemu
