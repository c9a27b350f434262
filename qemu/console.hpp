// SPDX-License-Identifier: Apache-2.0
// A guest's serial port as somebody's terminal.
#pragma once

#include "qemu/guest.hpp"

namespace runnel::qemu {

/// Runs the machine with our standard input and output as its serial port. A terminal is put into raw mode:
/// every key goes to the guest but Ctrl-A, which is followed by x (quit), h (help) or Ctrl-A (itself). Input
/// that is no terminal is given line by line, each when the guest's prompt shows, and then its end.
GuestRun run_console(const MachineSpec& machine);

} // namespace runnel::qemu
