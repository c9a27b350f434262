// SPDX-License-Identifier: Apache-2.0
#include "qemu/cxx_tests.hpp"

#include <algorithm>
#include <cctype>
#include <optional>

namespace runnel::qemu {
namespace {

constexpr std::string_view kMacros[] = {"TEST_CASE", "TEST_CASE_METHOD", "TEMPLATE_TEST_CASE", "SCENARIO",
                                        "RUNNEL_TEST"};

bool is_word(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; }

enum class TokenKind { kWord, kString, kSign };
struct Token {
  TokenKind kind;
  std::string text;
  u32 line;
};

class Lexer {
 public:
  Lexer(std::string_view source, CxxSource& out) : s_(source), out_(out) {}

  std::optional<Token> next() {
    for (;;) {
      while (at_ < s_.size() && std::isspace(static_cast<unsigned char>(s_[at_])) != 0) step();
      if (at_ >= s_.size()) return std::nullopt;
      if (rest().starts_with("//")) {
        line_comment();
      } else if (rest().starts_with("/*")) {
        skip_to(s_.find("*/", at_ + 2), 2);
      } else {
        return token();
      }
    }
  }

 private:
  std::string_view rest() const { return s_.substr(at_); }
  void step() {
    if (s_[at_] == '\n') ++line_, line_is_empty_ = true;
    ++at_;
  }
  void skip_to(std::size_t end, std::size_t more) {
    const std::size_t to = end == std::string_view::npos ? s_.size() : end + more;
    while (at_ < to) step();
  }

  void line_comment() {
    const std::size_t end = std::min(s_.find('\n', at_), s_.size());
    if (line_is_empty_) out_.comments.emplace(line_, s_.substr(at_ + 2, end - at_ - 2));
    at_ = end;
  }

  Token token() {
    line_is_empty_ = false;
    Token t{TokenKind::kSign, {}, line_};
    if (rest().starts_with("R\"")) {
      const std::size_t open = s_.find('(', at_);
      const std::string close = ")" + std::string(s_.substr(at_ + 2, open - at_ - 2)) + "\"";
      skip_to(s_.find(close, open), close.size());
      t.kind = TokenKind::kString; // what a raw string says is of no interest here
    } else if (is_word(s_[at_])) {
      t.kind = TokenKind::kWord;
      // The quote of 1'000 belongs to the number.
      const bool number = std::isdigit(static_cast<unsigned char>(s_[at_])) != 0;
      while (at_ < s_.size() && (is_word(s_[at_]) || (number && s_[at_] == '\''))) t.text += s_[at_++];
    } else if (s_[at_] == '"' || s_[at_] == '\'') {
      const char quote = s_[at_++];
      if (quote == '"') t.kind = TokenKind::kString;
      while (at_ < s_.size() && s_[at_] != quote && s_[at_] != '\n') {
        if (s_[at_] == '\\') ++at_;
        if (at_ < s_.size()) t.text += s_[at_++];
      }
      ++at_;
    } else {
      t.text = s_[at_++];
    }
    return t;
  }

  std::string_view s_;
  CxxSource& out_;
  std::size_t at_ = 0;
  u32 line_ = 1;
  bool line_is_empty_ = true; // so far
};

/// From behind the macro's name to its closing parenthesis.
std::vector<std::string> arguments(Lexer& lexer) {
  std::vector<std::string> args(1);
  int depth = 0;
  while (const std::optional<Token> t = lexer.next()) {
    if (t->kind == TokenKind::kSign) {
      if (t->text == "(" && depth++ == 0) continue;
      if (t->text == ")" && --depth == 0) break;
      if (t->text == "," && depth == 1) {
        args.emplace_back();
        continue;
      }
    }
    if (depth == 0) break; // the name of the macro, not a use of it
    args.back() += t->text;
  }
  return args;
}

} // namespace

CxxSource find_tests(std::string_view source) {
  CxxSource out;
  Lexer lexer(source, out);
  while (const std::optional<Token> t = lexer.next())
    if (t->kind == TokenKind::kWord && std::ranges::find(kMacros, t->text) != std::end(kMacros))
      out.tests.push_back({t->text, arguments(lexer), t->line});
  return out;
}

} // namespace runnel::qemu
