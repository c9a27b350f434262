// SPDX-License-Identifier: Apache-2.0
// The console as a file: /dev/console, /dev/tty, and the first three descriptors of the first process.
#pragma once

#include "kernel/fs/file.hpp"

namespace runnel::fs {

/// The serial console opened with `flags`. Written text goes out as it is. Reading gives what came in, as far
/// as somebody brings it (console_receive.hpp); without it is at its end at once.
Result<FilePtr> open_console(u32 flags);

/// Where input comes from. kPipe: bytes as they are. kTerminal: a person, with lines, echo and signals; the
/// calls that only terminals answer are answered.
enum class ConsoleMode : u8 { kBatch, kPipe, kTerminal };
void set_console_mode(ConsoleMode mode);
/// One byte that came in. Thread context, one caller: waits while a pipe's reader is behind.
void console_input(char c);
/// There is no more.
void console_input_end();
/// The processes that typed signals go to, until a program says otherwise.
void set_console_group(u32 group);

} // namespace runnel::fs
