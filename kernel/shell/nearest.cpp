// SPDX-License-Identifier: Apache-2.0
#include "kernel/shell/nearest.hpp"

#include <algorithm>

namespace runnel::shell {
namespace {

constexpr usize kMost = 24; // longer words are never near

/// Edit distance (Levenshtein 1966), one row at a time.
usize distance(std::string_view a, std::string_view b) {
  usize row[kMost + 1];
  for (usize j = 0; j <= b.size(); ++j) row[j] = j;
  for (usize i = 1; i <= a.size(); ++i) {
    usize diagonal = row[0];
    row[0] = i;
    for (usize j = 1; j <= b.size(); ++j) {
      const usize replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({replaced, row[j] + 1, row[j - 1] + 1});
    }
  }
  return row[b.size()];
}

} // namespace

std::string_view nearest(std::string_view typed, std::span<const std::string_view> words) {
  std::string_view best;
  usize least = std::min<usize>(3, typed.size());
  for (const std::string_view word : words) {
    if (word.size() > kMost || typed.size() > kMost) continue;
    const usize d = distance(typed, word);
    if (d >= least) continue;
    least = d;
    best = word;
  }
  return best;
}

} // namespace runnel::shell
