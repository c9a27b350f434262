// SPDX-License-Identifier: Apache-2.0
// What the vectors call in the interrupt controller.
#pragma once

#include <arch/exception.hpp>

namespace runnel::arch {

/// IRQ exception: acknowledges one interrupt, ends it, tells the kernel. Interrupts masked.
void handle_interrupt(Registers& regs);
/// FIQ exception: the non-maskable request.
void handle_nmi(Registers& regs);

/// Whether send_nmi really reaches a CPU with interrupts off (false with two security states). After
/// irqchip_init.
bool nmi_is_unmaskable();

} // namespace runnel::arch
