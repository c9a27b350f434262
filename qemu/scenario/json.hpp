// SPDX-License-Identifier: Apache-2.0
// JSON as rt-app's files use it, every value with its place: /* */ and // comments, commas before a closing
// bracket, keys that occur more than once and whose order matters. nlohmann::json keeps neither lines nor
// repeated keys and refuses such commas, hence a reader of our own.
#pragma once

#include "kernel/lib/types.hpp"
#include "qemu/scenario/message.hpp"

#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace runnel::scenario {

struct JsonMember;

struct JsonValue {
  enum class Kind : u8 { kAbsent /* a key alone */, kNull, kBool, kNumber, kString, kArray, kObject };
  Kind kind = Kind::kNull;
  Place at;
  bool boolean = false;
  std::optional<i64> integer; // kNumber written as an integer that fits
  double number = 0;          // kNumber
  std::string text;           // kString: decoded; kNumber: as written
  std::vector<JsonValue> items;
  std::vector<JsonMember> members; // kObject, in the order of the file, repeated keys included
};

struct JsonMember {
  std::string key;
  Place at; // of the key
  JsonValue value;
};

struct JsonError {
  Place at;
  std::string text;
};

inline constexpr u32 kMaxJsonDepth = 16;

/// The whole text must be one value. Bytes above 0x7f in strings are kept as they are.
std::expected<JsonValue, JsonError> parse_json(std::string_view text);

/// "an object", "the string \"x\"", "the number 1.5": what a message says was found.
std::string describe(const JsonValue& value);

} // namespace runnel::scenario
