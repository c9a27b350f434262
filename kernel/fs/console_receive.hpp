// SPDX-License-Identifier: Apache-2.0
// What comes in on the serial line, for programs: bytes that the host took from its standard input.
#pragma once

#include "kernel/fs/console.hpp"
#include "kernel/lib/errno.hpp"

namespace runnel::fs {

/// Takes over the receive interrupt and starts the thread that works on what comes. Nothing is lost: the
/// host waits while nobody reads. Once.
Result<> start_console_input(ConsoleMode mode);

} // namespace runnel::fs
