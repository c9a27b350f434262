// SPDX-License-Identifier: Apache-2.0
// The last line of every run and the way out.
#pragma once

#include "boot/boot_info.hpp"

#include <string_view>

namespace runnel::debug {

enum class AfterEnd : unsigned char {
  kExit,   // end the emulator with the exit code
  kLinger, // stand still, so that the host can read memory first
};
void set_after_end(AfterEnd what);

/// "passed", "failed", "panic", ...: the word of the end line.
constexpr std::string_view to_string(boot::ExitCode code) {
  switch (code) {
  case boot::ExitCode::kPassed:
    return "passed";
  case boot::ExitCode::kFailed:
    return "failed";
  case boot::ExitCode::kPanic:
    return "panic";
  case boot::ExitCode::kHang:
    return "hang";
  case boot::ExitCode::kBadCommandLine:
    return "bad-command-line";
  case boot::ExitCode::kBootFailed:
    return "boot-failed";
  case boot::ExitCode::kInternal:
    break;
  }
  return "internal";
}

/// Prints "runnel: end WORD" and leaves. Any context; nothing is printed after it.
[[noreturn]] void finish(boot::ExitCode code);

} // namespace runnel::debug
