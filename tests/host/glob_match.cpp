// SPDX-License-Identifier: Apache-2.0
// kernel/lib/glob: against a second, recursive matcher on all small inputs, and case by case.
#include "kernel/lib/glob.hpp"

#include <catch2/catch.hpp>
#include <string>
#include <vector>

using runnel::any_of_list;
using runnel::glob_match;

namespace {

/// What `*` and `?` mean, written down directly.
bool reference(std::string_view pattern, std::string_view text) {
  if (pattern.empty()) return text.empty();
  if (pattern[0] == '*')
    return reference(pattern.substr(1), text) || (!text.empty() && reference(pattern, text.substr(1)));
  if (text.empty()) return false;
  return (pattern[0] == '?' || pattern[0] == text[0]) && reference(pattern.substr(1), text.substr(1));
}

/// All texts over `letters` of up to `length` letters.
std::vector<std::string> all_texts(std::string_view letters, std::size_t length) {
  std::vector<std::string> texts{""};
  for (std::size_t begin = 0, n = 0; n < length; ++n) {
    const std::size_t end = texts.size();
    for (; begin < end; ++begin)
      for (const char c : letters) texts.push_back(texts[begin] + c);
  }
  return texts;
}

} // namespace

TEST_CASE("glob: agrees with the definition on all small patterns and texts", "[glob]") {
  const auto texts = all_texts("ab", 5);
  std::size_t compared = 0, matched = 0;
  for (const std::string& pattern : all_texts("ab*?", 5))
    for (const std::string& text : texts) {
      const bool expected = reference(pattern, text);
      if (glob_match(pattern, text) != expected) FAIL("pattern '" << pattern << "', text '" << text << "'");
      ++compared;
      matched += expected;
    }
  CHECK(compared == 1365 * 63);
  CHECK(matched > 0);
}

TEST_CASE("glob: sets", "[glob]") {
  CHECK(glob_match("[abc]x", "bx"));
  CHECK_FALSE(glob_match("[abc]x", "dx"));
  CHECK(glob_match("t[0-9]", "t7"));
  CHECK_FALSE(glob_match("t[0-9]", "tx"));
  CHECK(glob_match("[!0-9]*", "x1"));
  CHECK_FALSE(glob_match("[^0-9]*", "11"));
  CHECK(glob_match("[]]", "]"));
  CHECK(glob_match("[a-]", "-"));
  CHECK(glob_match("[", "["));
  CHECK(glob_match("[ab", "[ab"));
  CHECK_FALSE(glob_match("[ab", "a"));
  CHECK(glob_match("\\*", "*"));
  CHECK_FALSE(glob_match("\\*", "x"));
  CHECK(glob_match("a\\", "a\\"));
}

TEST_CASE("glob: names of tests", "[glob]") {
  CHECK(glob_match("mm.*", "mm.buddy_splits"));
  CHECK_FALSE(glob_match("mm.*", "mm_cid.compact"));
  CHECK(glob_match("*.*_irqs_*", "demo.hang_irqs_off"));
  CHECK(glob_match("*", ""));
}

TEST_CASE("glob: many stars take no exponential time", "[glob]") {
  const std::string text(2000, 'a');
  CHECK_FALSE(glob_match("*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*ab", text));
}

TEST_CASE("glob: lists", "[glob]") {
  std::vector<std::string> pieces;
  const auto collect = [&](std::string_view piece) { return pieces.emplace_back(piece), false; };
  CHECK_FALSE(any_of_list(",a,,bc,", collect));
  CHECK(pieces == std::vector<std::string>{"a", "bc"});
  CHECK(any_of_list("a,b", [](std::string_view piece) { return piece == "b"; }));
}
