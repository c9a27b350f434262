// SPDX-License-Identifier: Apache-2.0
// The kernel's own lines on the serial port ("runnel: ..."), read. Everything else is text for people or
// KTAP.
#pragma once

#include "kernel/lib/types.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <variant>

namespace runnel::qemu {

enum class GuestEnd { kPassed, kFailed, kPanic, kHang, kBadCommandLine, kBootFailed, kInternal };
std::string_view to_string(GuestEnd end);
/// What boot::ExitCode the guest exits with; nothing for a number that is none.
std::optional<GuestEnd> end_of_exit_code(u32 code);

struct BootLine {
  std::string text; // "x86_64 pvh cpus=4 memory=... build=debug"
};
struct AliveLine {
  u64 seconds = 0; // of guest time
};
struct BulkLine {
  std::string name;
  u64 address = 0; // physical
  u64 bytes = 0;
};
struct PanicLine {
  std::string text;
};
struct HangLine {
  std::string text;
};
struct ErrorLine {
  std::string text;
};
struct EndLine {
  GuestEnd end = GuestEnd::kInternal;
};
/// `exec exited 3`, `exec killed 11`: how the program ended that the kernel was booted for.
struct ProgramEndLine {
  enum class How { kExited, kKilled } how = How::kExited;
  u32 number = 0; // exit status, or signal
};
/// `strace 12 close(3) = 0`: what a thread asked of the kernel.
struct StraceLine {
  std::string thread, text;
};
/// `missing signalfd4 2`: a system call that is not there, and how often programs made it.
struct MissingLine {
  std::string name;
  u64 count = 0;
};
/// `killed NAME (pid 7) for want of memory: ...`: a program the kernel had to end.
struct KilledLine {
  std::string text;
};
/// `  while running suite.case` of a panic or hang report.
struct WhileRunningLine {
  std::string test;
};

using ProtocolLine =
    std::variant<std::monostate, BootLine, AliveLine, BulkLine, PanicLine, HangLine, ErrorLine, EndLine,
                 ProgramEndLine, WhileRunningLine, StraceLine, KilledLine, MissingLine>;

/// monostate: not a line of the protocol (or one that is damaged).
ProtocolLine parse_protocol_line(std::string_view line);

} // namespace runnel::qemu
