// SPDX-License-Identifier: Apache-2.0
// __FILE__ without the folder the tree happens to lie in, so that output is the same everywhere.
#pragma once

#include <string_view>

namespace runnel {

/// The tail of `file` that starts with the last of the tree's top-level folders in it; all of it without one.
constexpr const char* source_path(const char* file) {
  const std::string_view path{file};
  std::string_view::size_type best = std::string_view::npos;
  for (const std::string_view top : {"/kernel/", "/arch/", "/sched/", "/ns/", "/tests/", "/boot/"}) {
    const auto found = path.rfind(top);
    if (found != std::string_view::npos && (best == std::string_view::npos || found > best)) best = found;
  }
  // A top-level name may repeat below the real one (tests/target/kernel/): tests/ wins over what is inside
  // it.
  const auto tests = path.rfind("/tests/");
  if (tests != std::string_view::npos && tests < best) best = tests;
  return best == std::string_view::npos ? file : file + best + 1;
}

} // namespace runnel

#define RUNNEL_FILE (::runnel::source_path(__FILE__))
