// SPDX-License-Identifier: Apache-2.0
#include "qemu/ktap.hpp"

#include <charconv>
#include <fmt/format.h>

namespace runnel::qemu {
namespace {

bool take(std::string_view& text, std::string_view prefix) {
  if (!text.starts_with(prefix)) return false;
  text.remove_prefix(prefix.size());
  return true;
}

/// A decimal number at the front, taken off.
std::optional<u64> take_number(std::string_view& text) {
  u64 value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end == text.data()) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return value;
}

bool equals_ignoring_case(std::string_view a, std::string_view lower) {
  if (a.size() != lower.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i)
    if ((a[i] >= 'A' && a[i] <= 'Z' ? a[i] - 'A' + 'a' : a[i]) != lower[i]) return false;
  return true;
}

/// One test point's text after "ok " / "not ok ": "3 name # directive".
struct Point {
  u64 number = 0;
  std::string_view name, directive;
};

std::optional<Point> parse_point(std::string_view text) {
  const auto number = take_number(text);
  if (!number || (!text.empty() && text[0] != ' ')) return std::nullopt;
  while (take(text, " ")) {
  }
  take(text, "- ");
  Point point{*number, text, {}};
  if (const auto hash = text.find(" # "); hash != std::string_view::npos) {
    point.name = text.substr(0, hash);
    point.directive = text.substr(hash + 3);
  } else if (take(text, "# ")) {
    point.name = {};
    point.directive = text;
  }
  while (point.name.ends_with(' ')) point.name.remove_suffix(1);
  return point;
}

} // namespace

std::optional<KtapResult> KtapParser::take(std::string_view line) {
  std::string_view text = line;
  const bool nested = text.starts_with("  ");
  while (qemu::take(text, " ")) {
  }
  if (text.starts_with("ok ") || text.starts_with("not ok ")) return take_point(line, nested);
  if (text == "KTAP version 1") {
    if (nested) cases_seen_ = 0, planned_cases_.reset(), suite_.clear();
    return std::nullopt;
  }
  if (nested && qemu::take(text, "# Subtest: ")) {
    suite_ = text;
    return std::nullopt;
  }
  if (std::string_view plan = text; qemu::take(plan, "1..")) {
    const auto n = take_number(plan);
    if (n && plan.empty()) {
      (nested ? planned_cases_ : planned_suites_) = *n;
      return std::nullopt;
    }
  }
  if (!nested && text.starts_with("# Totals:")) return std::nullopt;
  log_.append(line).append("\n");
  return std::nullopt;
}

std::optional<KtapResult> KtapParser::take_point(std::string_view line, bool nested) {
  std::string_view text = line;
  while (qemu::take(text, " ")) {
  }
  const bool passed = !qemu::take(text, "not ");
  qemu::take(text, "ok ");
  const auto point = parse_point(text);
  if (!point) {
    log_.append(line).append("\n");
    return std::nullopt;
  }
  if (!nested) {
    ++suites_seen_;
    end_suite(point->name);
    return std::nullopt;
  }
  if (point->number != ++cases_seen_)
    problems_.push_back(
        fmt::format("{}: test point {} where {} was due", suite_, point->number, cases_seen_));
  cases_seen_ = point->number;
  KtapResult result;
  result.suite = suite_;
  result.name = point->name;
  result.verdict = passed ? KtapVerdict::kPassed : KtapVerdict::kFailed;
  std::string_view directive = point->directive;
  if (equals_ignoring_case(directive.substr(0, 4), "skip") && passed) {
    result.verdict = KtapVerdict::kSkipped;
    directive.remove_prefix(4);
    while (qemu::take(directive, " ")) {
    }
    result.reason = directive;
  } else if (qemu::take(directive, "time_us=")) {
    result.time_us = take_number(directive);
  }
  result.log = std::move(log_);
  log_.clear();
  return result;
}

void KtapParser::end_suite(std::string_view name) {
  if (suite_ != name)
    problems_.push_back(fmt::format("the point of suite {} ends subtest '{}'", name, suite_));
  else if (!planned_cases_ || *planned_cases_ != cases_seen_)
    problems_.push_back(fmt::format("suite {} planned {} tests and reported {}", name,
                                    planned_cases_ ? std::to_string(*planned_cases_) : "no", cases_seen_));
  suite_.clear();
  cases_seen_ = 0;
  planned_cases_.reset();
}

} // namespace runnel::qemu
