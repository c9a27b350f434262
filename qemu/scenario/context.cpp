// SPDX-License-Identifier: Apache-2.0
#include "qemu/scenario/context.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <map>

namespace runnel::scenario {

std::string to_string(const Message& message) {
  std::string out = message.file;
  if (message.at.line != 0) out += fmt::format(":{}:{}", message.at.line, message.at.column);
  if (!out.empty()) out += ": ";
  if (!message.path.empty()) out += message.path + ": ";
  return out + message.text;
}

void Context::add(Severity severity, Place at, std::string text) {
  static constexpr usize kMostMessages = 100; // of a file that is no scenario at all
  if (severity == Severity::kError) failed_ = true;
  if (messages_.size() < kMostMessages)
    messages_.emplace(at, Message{severity, file_, at, path_, std::move(text)});
}

std::vector<Message> Context::take_messages() {
  std::vector<Message> out;
  for (auto& [at, message] : messages_) out.push_back(std::move(message));
  messages_.clear();
  return out;
}

std::optional<i64> Context::integer(const JsonValue& value, i64 min, i64 max, std::string_view what) {
  const std::string wanted = fmt::format("expected {}, an integer from {} to {}", what, min, max);
  if (value.kind != JsonValue::Kind::kNumber ||
      (!value.integer && value.text.find_first_of(".eE") != std::string::npos)) {
    error(value.at, fmt::format("{}, not {}", wanted, describe(value)));
    return std::nullopt;
  }
  if (!value.integer || *value.integer < min || *value.integer > max) {
    error(value.at, fmt::format("{} is out of range: {}", value.text, wanted));
    return std::nullopt;
  }
  return value.integer;
}

std::optional<std::string> Context::string(const JsonValue& value, std::string_view what) {
  if (value.kind == JsonValue::Kind::kString) return value.text;
  error(value.at, fmt::format("expected {}, a string, not {}", what, describe(value)));
  return std::nullopt;
}

bool Context::object(const JsonValue& value, std::string_view what) {
  if (value.kind == JsonValue::Kind::kObject) return true;
  error(value.at, fmt::format("expected {}, an object {{...}}, not {}", what, describe(value)));
  return false;
}

void Context::refuse_repeats(const JsonValue& object, bool (*repeatable)(std::string_view key)) {
  std::map<std::string_view, Place> first;
  for (const JsonMember& member : object.members) {
    const auto [it, fresh] = first.emplace(member.key, member.at);
    if (fresh || repeatable(member.key)) continue;
    const Scope scope(*this, member.key);
    error(member.at, fmt::format("given twice, first in line {}", it->second.line));
  }
}

void Context::unknown_key(const JsonMember& member, std::span<const std::string_view> known) {
  const Scope scope(*this, member.key);
  const std::string_view guess = nearest(member.key, known);
  warning(member.at,
          guess.empty() ? "unknown key, ignored" : fmt::format("unknown key, did you mean \"{}\"?", guess));
}

const JsonMember* find(const JsonValue& object, std::string_view key) {
  const auto it = std::ranges::find(object.members, key, &JsonMember::key);
  return it == object.members.end() ? nullptr : &*it;
}

namespace {

/// Number of letters to insert, remove, replace, or swap with the neighbour (optimal string alignment).
usize edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::vector<usize>> d(a.size() + 1, std::vector<usize>(b.size() + 1));
  for (usize i = 0; i <= a.size(); ++i) d[i][0] = i;
  for (usize j = 0; j <= b.size(); ++j) d[0][j] = j;
  for (usize i = 1; i <= a.size(); ++i) {
    for (usize j = 1; j <= b.size(); ++j) {
      d[i][j] =
          std::min({d[i - 1][j] + 1, d[i][j - 1] + 1, d[i - 1][j - 1] + (a[i - 1] == b[j - 1] ? 0u : 1u)});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        d[i][j] = std::min(d[i][j], d[i - 2][j - 2] + 1);
    }
  }
  return d[a.size()][b.size()];
}

} // namespace

std::string_view nearest(std::string_view word, std::span<const std::string_view> candidates) {
  std::string_view best;
  if (word.size() > 40) return best;
  usize best_distance = std::max<usize>(1, word.size() / 3) + 1;
  best_distance = std::min(best_distance, word.size()); // something must be left of it
  for (const std::string_view candidate : candidates) {
    const usize distance = edit_distance(word, candidate);
    if (distance < best_distance) best = candidate, best_distance = distance;
  }
  if (!best.empty()) return best;
  for (const std::string_view candidate : candidates) // "running" begins with "run"
    if (candidate.size() >= 3 && candidate.size() > best.size() && word.starts_with(candidate))
      best = candidate;
  return best;
}

} // namespace runnel::scenario
