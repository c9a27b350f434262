// SPDX-License-Identifier: Apache-2.0
// The console as a file: /dev/console, /dev/tty, and the first three descriptors of the first process.
#pragma once

#include "kernel/fs/file.hpp"

namespace runnel::fs {

/// The serial console opened with `flags`. Written text goes out as it is. Reading gives what was typed, once
/// somebody feeds console_input(); without a feeder it is at its end at once.
Result<FilePtr> open_console(u32 flags);

/// Whether there is a person at the console: TCGETS and friends answer, reads wait. Off at first.
enum class ConsoleMode : u8 { kBatch, kInteractive };
void set_console_mode(ConsoleMode mode);
/// One typed byte, from the console's receive interrupt. What nobody reads in time is lost.
void console_input(char c);

} // namespace runnel::fs
