// SPDX-License-Identifier: Apache-2.0
// What the exception entry calls in the interrupt controller.
#pragma once

#include <arch/exception.hpp>

namespace runnel::arch {

/// Vectors 32 and up: ends the interrupt at the local APIC and tells the kernel. Interrupts off.
void handle_interrupt(Registers& regs);

} // namespace runnel::arch
