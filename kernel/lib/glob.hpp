// SPDX-License-Identifier: Apache-2.0
// Shell-style patterns over short names: `*` any run of characters, `?` any one, `[a-z]` / `[!a-z]` one of a
// set,
// `\` takes the next character literally.
#pragma once

#include <string_view>

namespace runnel {

/// Whether `pattern` matches all of `text`. A `[` without its `]` stands for itself. Linear space, and time
/// at most the product of the two lengths.
bool glob_match(std::string_view pattern, std::string_view text);

/// Calls `visit(piece)` for each comma-separated piece of `list` that is not empty, until one returns true;
/// whether one did.
template <typename Visit> constexpr bool any_of_list(std::string_view list, Visit visit) {
  while (!list.empty()) {
    const auto comma = list.find(',');
    const std::string_view piece = list.substr(0, comma);
    if (!piece.empty() && visit(piece)) return true;
    if (comma == std::string_view::npos) break;
    list.remove_prefix(comma + 1);
  }
  return false;
}

} // namespace runnel
