// SPDX-License-Identifier: Apache-2.0
// What the scenario reader has to say about a file: where (file, line, path of keys), how bad, and what would
// be right.
#pragma once

#include "kernel/lib/types.hpp"

#include <string>
#include <vector>

namespace runnel::scenario {

enum class Severity : u8 {
  kWarning, // the scenario runs, but something in it has no effect
  kError,   // the scenario is refused
};

/// One remark. `path` is the chain of keys joined with dots ("tasks.hog.phases.p1.run"); empty for the file
/// as a whole. `line` counts from 1; 0 means the file could not be read at all.
struct Message {
  Severity severity = Severity::kError;
  std::string file;
  u32 line = 0;
  std::string path;
  std::string text;
};

/// "file:line: path: text", leaving out what is empty. Without the severity, without a newline.
std::string to_string(const Message& message);

} // namespace runnel::scenario
