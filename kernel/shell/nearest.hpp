// SPDX-License-Identifier: Apache-2.0
// "Did you mean ...?"
#pragma once

#include "kernel/lib/types.hpp"

#include <span>
#include <string_view>

namespace runnel::shell {

/// The word with the fewest changed letters (insert, delete, replace) from `typed`, if at most two and fewer
/// than the letters of `typed`; "" else. The first of equals.
std::string_view nearest(std::string_view typed, std::span<const std::string_view> words);

} // namespace runnel::shell
