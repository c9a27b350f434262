// SPDX-License-Identifier: Apache-2.0
// Reads what a Catch2 2.x program prints with `-r xml`, and only that: one element a line, as Catch2 writes
// it.
#pragma once

#include "kernel/lib/types.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace runnel::qemu {

struct CatchResult {
  std::string name;
  std::string file;
  u32 line = 0;
  bool ended = false; // false: the program died inside this test
  bool passed = false;
  double seconds = 0;
  std::string log; // failed assertions and messages, for people
};

std::vector<CatchResult> parse_catch_xml(std::string_view xml);

} // namespace runnel::qemu
