// SPDX-License-Identifier: Apache-2.0
// What the readers of the single parts of a scenario share: the messages, the path of keys, typed access to
// values.
#pragma once

#include "qemu/scenario/json.hpp"
#include "qemu/scenario/message.hpp"

#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace runnel::scenario {

class Context {
 public:
  explicit Context(std::string file) : file_(std::move(file)) {}

  /// Puts a key onto the path while it lives.
  class Scope {
   public:
    Scope(Context& context, std::string_view key) : context_(context), old_size_(context.path_.size()) {
      if (!context.path_.empty() && !key.starts_with('[')) context.path_ += '.';
      for (const char c : key) context.path_ += static_cast<unsigned char>(c) < 0x20 ? '?' : c;
    }
    ~Scope() { context_.path_.resize(old_size_); }
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;

   private:
    Context& context_;
    usize old_size_;
  };

  void error(Place at, std::string text) { add(Severity::kError, at, std::move(text)); }
  void warning(Place at, std::string text) { add(Severity::kWarning, at, std::move(text)); }
  bool failed() const { return failed_; }
  /// In the order of the file.
  std::vector<Message> take_messages();

  // Typed access: on a mismatch an error at the current path, and nothing. `what` says what the value means
  // ("a time in microseconds").
  std::optional<i64> integer(const JsonValue& value, i64 min, i64 max, std::string_view what);
  std::optional<std::string> string(const JsonValue& value, std::string_view what);
  bool object(const JsonValue& value, std::string_view what);

  /// Errors for keys given more than once, except those `repeatable` allows.
  void refuse_repeats(const JsonValue& object, bool (*repeatable)(std::string_view key));
  /// A warning that `key` means nothing, with the nearest of `known` when it is near enough.
  void unknown_key(const JsonMember& member, std::span<const std::string_view> known);

 private:
  void add(Severity severity, Place at, std::string text);

  std::string file_;
  std::string path_;
  std::multimap<Place, Message> messages_; // equal ones in the order they came
  bool failed_ = false;
};

/// First member of that name.
const JsonMember* find(const JsonValue& object, std::string_view key);
/// The candidate that differs from `word` by few letters; empty when none does.
std::string_view nearest(std::string_view word, std::span<const std::string_view> candidates);

} // namespace runnel::scenario
