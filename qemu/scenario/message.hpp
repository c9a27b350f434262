// SPDX-License-Identifier: Apache-2.0
// What the scenario reader has to say about a file: where (file, line, column, path of keys), how bad, and
// what would be right.
#pragma once

#include "kernel/lib/types.hpp"

#include <compare>
#include <string>
#include <vector>

namespace runnel::scenario {

/// A place in a file. Lines and columns (in bytes) count from 1; line 0: no place, the file as a whole.
struct Place {
  u32 line = 0;
  u32 column = 0;
  auto operator<=>(const Place&) const = default;
};

enum class Severity : u8 {
  kWarning, // the scenario runs, but something in it has no effect
  kError,   // the scenario is refused
};

/// One remark. `path` is the chain of keys joined with dots ("tasks.hog.phases.p1.run"); empty for the file
/// as a whole.
struct Message {
  Severity severity = Severity::kError;
  std::string file;
  Place at;
  std::string path;
  std::string text;
};

/// "file:line:column: path: text", leaving out what is empty. Without the severity, without a newline.
std::string to_string(const Message& message);

} // namespace runnel::scenario
