// SPDX-License-Identifier: Apache-2.0
// Recursive-descent reader for json.hpp; depth is bounded by kMaxJsonDepth, so the stack is too.
#include "qemu/scenario/json.hpp"

#include <cctype>
#include <charconv>
#include <cstdlib>
#include <fmt/format.h>

namespace runnel::scenario {

namespace {

class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  JsonValue document() {
    if (text_.starts_with("\xef\xbb\xbf")) at_ = line_start_ = 3; // byte-order mark of some editors
    skip_blank();
    if (at_ == text_.size()) fail("the file is empty, expected { \"tasks\" : ... }");
    JsonValue value = parse_value(0);
    skip_blank();
    if (at_ != text_.size()) fail(fmt::format("{} after the end of the document", here()));
    return value;
  }

 private:
  [[noreturn]] void fail(std::string text) const { throw JsonError{place(), std::move(text)}; }

  Place place() const { return {line_, static_cast<u32>(at_ - line_start_ + 1)}; }

  std::string here() const {
    if (at_ == text_.size()) return "end of file";
    const auto c = static_cast<unsigned char>(text_[at_]);
    return c > 0x20 && c < 0x7f ? fmt::format("'{}'", text_[at_]) : fmt::format("byte 0x{:02x}", c);
  }

  bool looking_at(std::string_view word) const { return text_.substr(at_).starts_with(word); }

  void advance() {
    if (text_[at_++] == '\n') ++line_, line_start_ = at_;
  }

  void skip_blank() {
    while (at_ < text_.size()) {
      const char c = text_[at_];
      if (c == ' ' || c == '\t' || c == '\r' || c == '\n') {
        advance();
      } else if (looking_at("//")) {
        while (at_ < text_.size() && text_[at_] != '\n') ++at_;
      } else if (looking_at("/*")) {
        const u32 start = line_;
        at_ += 2;
        while (at_ < text_.size() && !looking_at("*/")) advance();
        if (at_ == text_.size()) fail(fmt::format("the comment that begins in line {} has no end", start));
        at_ += 2;
      } else {
        return;
      }
    }
  }

  JsonValue parse_value(u32 depth) {
    if (depth > kMaxJsonDepth) fail(fmt::format("nested deeper than {} levels", kMaxJsonDepth));
    JsonValue value;
    value.at = place();
    const char c = at_ < text_.size() ? text_[at_] : '\0';
    if (c == '{') {
      parse_object(value, depth);
    } else if (c == '[') {
      parse_array(value, depth);
    } else if (c == '"') {
      value.kind = JsonValue::Kind::kString;
      value.text = parse_string();
    } else if (c == '-' || (c >= '0' && c <= '9')) {
      parse_number(value);
    } else {
      parse_word(value);
    }
    return value;
  }

  void parse_word(JsonValue& value) {
    usize end = at_;
    while (end < text_.size() && std::isalnum(static_cast<unsigned char>(text_[end]))) ++end;
    const std::string_view word = text_.substr(at_, end - at_);
    if (word == "true" || word == "false") {
      value.kind = JsonValue::Kind::kBool;
      value.boolean = word == "true";
    } else if (word != "null") {
      fail(word.empty() ? fmt::format("{} where a value should be", here())
                        : fmt::format("'{}' is no value; text needs double quotes", word));
    }
    at_ = end;
  }

  void digits(const char* what) {
    const usize start = at_;
    while (at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '9') ++at_;
    if (at_ == start) fail(fmt::format("{} where {} should be", here(), what));
  }

  void parse_number(JsonValue& value) {
    const usize start = at_;
    bool integral = true;
    if (text_[at_] == '-') ++at_;
    const usize first = at_;
    digits("a digit");
    if (text_[first] == '0' && at_ - first > 1) fail("a number must not begin with 0");
    if (at_ < text_.size() && text_[at_] == '.') integral = false, ++at_, digits("a digit after the point");
    if (at_ < text_.size() && (text_[at_] == 'e' || text_[at_] == 'E')) {
      integral = false, ++at_;
      if (at_ < text_.size() && (text_[at_] == '+' || text_[at_] == '-')) ++at_;
      digits("an exponent");
    }
    value.kind = JsonValue::Kind::kNumber;
    value.text = text_.substr(start, at_ - start);
    value.number = std::strtod(value.text.c_str(), nullptr);
    i64 integer = 0;
    const auto [end, error] =
        std::from_chars(value.text.data(), value.text.data() + value.text.size(), integer);
    if (integral && error == std::errc{}) value.integer = integer;
  }

  void parse_object(JsonValue& value, u32 depth) {
    value.kind = JsonValue::Kind::kObject;
    const u32 start = line_;
    ++at_;
    for (;;) {
      skip_blank();
      if (at_ < text_.size() && text_[at_] == '}') break;
      if (at_ == text_.size()) fail(fmt::format("the {{ of line {} has no }}", start));
      if (text_[at_] != '"') fail(fmt::format("{} where a \"key\" or }} should be", here()));
      JsonMember member;
      member.at = place();
      member.key = parse_string();
      skip_blank();
      read_member_value(member, depth);
      value.members.push_back(std::move(member));
      if (!separator('}', start, '{')) break;
    }
    ++at_;
  }

  void read_member_value(JsonMember& member, u32 depth) {
    if (at_ < text_.size() && (text_[at_] == ',' || text_[at_] == '}')) {
      member.value.kind = JsonValue::Kind::kAbsent;
      member.value.at = member.at;
      return;
    }
    if (at_ == text_.size() || text_[at_] != ':')
      fail(fmt::format("{} where : should be, after \"{}\"", here(), member.key));
    ++at_;
    skip_blank();
    member.value = parse_value(depth + 1);
  }

  void parse_array(JsonValue& value, u32 depth) {
    value.kind = JsonValue::Kind::kArray;
    const u32 start = line_;
    ++at_;
    for (;;) {
      skip_blank();
      if (at_ < text_.size() && text_[at_] == ']') break;
      if (at_ == text_.size()) fail(fmt::format("the [ of line {} has no ]", start));
      value.items.push_back(parse_value(depth + 1));
      if (!separator(']', start, '[')) break;
    }
    ++at_;
  }

  /// True after a comma, false before the closing bracket.
  bool separator(char close, u32 start, char open) {
    skip_blank();
    if (at_ == text_.size()) fail(fmt::format("the {} of line {} has no {}", open, start, close));
    if (text_[at_] == close) return false;
    if (text_[at_] != ',') fail(fmt::format("{} where , or {} should be", here(), close));
    ++at_;
    return true;
  }

  std::string parse_string() {
    std::string out;
    const u32 start = line_;
    ++at_;
    for (;;) {
      if (at_ == text_.size() || text_[at_] == '\n')
        fail(fmt::format("the string of line {} has no closing \"", start));
      const char c = text_[at_];
      if (c == '"') return ++at_, out;
      if (static_cast<unsigned char>(c) < 0x20) fail(fmt::format("{} in a string", here()));
      ++at_;
      if (c != '\\')
        out += c;
      else
        parse_escape(out);
    }
  }

  void parse_escape(std::string& out) {
    static constexpr std::string_view kNames = "\"\\/bfnrt";
    static constexpr std::string_view kMeanings = "\"\\/\b\f\n\r\t";
    if (at_ == text_.size()) fail("end of file in a string");
    if (const usize i = kNames.find(text_[at_]); i != std::string_view::npos) {
      out += kMeanings[i];
      ++at_;
      return;
    }
    if (text_[at_] != 'u') fail(fmt::format("\\{} is no escape sequence", text_[at_]));
    ++at_;
    u32 code = hex4();
    if (code >= 0xd800 && code < 0xdc00 && looking_at("\\u")) {
      at_ += 2;
      const u32 low = hex4();
      if (low < 0xdc00 || low > 0xdfff) fail("half a surrogate pair");
      code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
    }
    if (code >= 0xd800 && code < 0xe000) fail("half a surrogate pair");
    append_utf8(out, code);
  }

  u32 hex4() {
    u32 code = 0;
    const std::string_view hex = text_.substr(at_, 4);
    const auto [end, error] = std::from_chars(hex.data(), hex.data() + hex.size(), code, 16);
    if (hex.size() < 4 || end != hex.data() + 4 || error != std::errc{})
      fail("\\u needs four hexadecimal digits");
    at_ += 4;
    return code;
  }

  static void append_utf8(std::string& out, u32 code) {
    const auto put = [&](u32 byte) { out += static_cast<char>(byte); };
    if (code < 0x80) return put(code);
    if (code < 0x800) return put(0xc0 | code >> 6), put(0x80 | (code & 0x3f));
    if (code < 0x10000)
      return put(0xe0 | code >> 12), put(0x80 | (code >> 6 & 0x3f)), put(0x80 | (code & 0x3f));
    put(0xf0 | code >> 18), put(0x80 | (code >> 12 & 0x3f)), put(0x80 | (code >> 6 & 0x3f)),
        put(0x80 | (code & 0x3f));
  }

  std::string_view text_;
  usize at_ = 0;
  u32 line_ = 1;
  usize line_start_ = 0;
};

} // namespace

std::expected<JsonValue, JsonError> parse_json(std::string_view text) {
  try {
    return Parser(text).document();
  } catch (JsonError& error) {
    return std::unexpected(std::move(error));
  }
}

std::string describe(const JsonValue& value) {
  switch (value.kind) {
  case JsonValue::Kind::kAbsent:
    return "nothing";
  case JsonValue::Kind::kNull:
    return "null";
  case JsonValue::Kind::kBool:
    return value.boolean ? "true" : "false";
  case JsonValue::Kind::kNumber:
    return "the number " + value.text;
  case JsonValue::Kind::kString:
    return fmt::format("the string \"{:.40}\"", value.text);
  case JsonValue::Kind::kArray:
    return "an array";
  case JsonValue::Kind::kObject:
    return "an object";
  }
  return {};
}

} // namespace runnel::scenario
