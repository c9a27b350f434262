// SPDX-License-Identifier: Apache-2.0
// The first line of a script: which program reads it. Pure.
#pragma once

#include "kernel/lib/errno.hpp"

#include <string_view>

namespace runnel::user {

struct ScriptLine {
  std::string_view interpreter; // parts of the text
  std::string_view argument;    // all that follows it, blanks inside included; may be empty
};

/// Whether the file begins with "#!".
constexpr bool is_script(std::string_view text) { return text.starts_with("#!"); }

/// The line of such a file. kNOEXEC: it names no interpreter, or is so long that the name may be cut.
Result<ScriptLine> parse_script_line(std::string_view text);

} // namespace runnel::user
