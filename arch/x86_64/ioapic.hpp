// SPDX-License-Identifier: Apache-2.0
// The I/O APICs: which device line interrupts which CPU.
#pragma once

#include "kernel/lib/errno.hpp"

#include <arch/machine.hpp>

namespace runnel::arch {

/// Maps all I/O APICs, masks all their inputs, silences the two 8259 controllers.
void ioapic_setup(const MachineInfo& machine);

/// Sends `gsi` as `vector` to the CPU with `apic_id`, with the polarity and trigger the firmware's overrides
/// give it. kNODEV: no I/O APIC has this input.
Result<> ioapic_route(u32 gsi, u32 vector, u32 apic_id);
void ioapic_mask(u32 gsi);

/// ISA interrupt number to GSI (they differ where the firmware says so; the timer usually).
u32 isa_irq_to_gsi(u32 irq);

} // namespace runnel::arch
