// SPDX-License-Identifier: Apache-2.0
#include "kernel/lib/glob.hpp"

#include "kernel/lib/types.hpp"

namespace runnel {
namespace {

struct Step {
  bool matches = false;
  usize length = 0; // of the pattern element
};

/// Whether the pattern element at the front of `pattern` (not `*`) matches `c`, and how long it is.
Step match_one(std::string_view pattern, char c) {
  const char p = pattern[0];
  if (p == '?') return {true, 1};
  if (p == '\\' && pattern.size() > 1) return {pattern[1] == c, 2};
  if (p != '[') return {p == c, 1};
  usize i = 1;
  const bool negated = i < pattern.size() && (pattern[i] == '!' || pattern[i] == '^');
  if (negated) ++i;
  bool found = false;
  for (const usize first = i; i < pattern.size(); ++i) {
    if (pattern[i] == ']' && i != first) return {found != negated, i + 1};
    if (i + 2 < pattern.size() && pattern[i + 1] == '-' && pattern[i + 2] != ']') {
      found |= pattern[i] <= c && c <= pattern[i + 2];
      i += 2;
    } else {
      found |= pattern[i] == c;
    }
  }
  return {c == '[', 1}; // never closed
}

} // namespace

bool glob_match(std::string_view pattern, std::string_view text) {
  // Only the last `*` needs to be remembered: an earlier one has nothing to gain from taking more.
  bool have_star = false;
  std::string_view after_star, retry_text;
  for (;;) {
    if (!pattern.empty() && pattern[0] == '*') {
      have_star = true;
      pattern.remove_prefix(1);
      after_star = pattern;
      retry_text = text;
      continue;
    }
    if (text.empty() && pattern.empty()) return true;
    if (!text.empty() && !pattern.empty()) {
      if (const Step step = match_one(pattern, text[0]); step.matches) {
        pattern.remove_prefix(step.length);
        text.remove_prefix(1);
        continue;
      }
    }
    if (!have_star || retry_text.empty()) return false;
    retry_text.remove_prefix(1);
    pattern = after_star;
    text = retry_text;
  }
}

} // namespace runnel
