// SPDX-License-Identifier: Apache-2.0
// Finds the tests in a C++ source file without compiling it: enough of the language to tell code from
// comments and strings.
#pragma once

#include "kernel/lib/types.hpp"

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace runnel::qemu {

/// A macro that declares a test, with its arguments: string literals joined, everything else as written.
struct CxxTest {
  std::string macro;
  std::vector<std::string> arguments;
  u32 line = 0;
};

struct CxxSource {
  std::vector<CxxTest> tests;
  std::map<u32, std::string>
      comments; // of lines that hold a // comment and nothing else: what follows the //
};

CxxSource find_tests(std::string_view source);

} // namespace runnel::qemu
