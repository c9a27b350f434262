// SPDX-License-Identifier: Apache-2.0
// The serial line, polled for output in any context, interrupt-driven for input.
#pragma once

#include <arch/machine.hpp>
#include <optional>

namespace runnel::arch {

/// Early console at the address every machine of this architecture has it; works before page tables and
/// tables of the firmware are known.
void console_init_early();
/// Moves to the UART the firmware names, with the kernel's own mapping.
void console_init(const MachineInfo& machine);
/// Writes one byte, waiting for room; '\n' goes out as it is.
void console_put(char c);
std::optional<char> console_get();
/// Lets received bytes raise the device interrupt MachineInfo::uart_irq.
void console_enable_receive_interrupt();

} // namespace runnel::arch
