// SPDX-License-Identifier: Apache-2.0
// From one CPU to all of them.
#pragma once

#include "kernel/lib/types.hpp"

#include <arch/machine.hpp>

namespace runnel::smp {

/// Where the machine's description lies; filled before anything here is called.
arch::MachineInfo& machine_info_storage();

/// The boot CPU: its idle thread, runqueue, stopper come first. Interrupts off; memory works.
void init_boot_cpu();
/// Starts every other CPU, one after the other, and waits for each; one that does not come is named and left
/// out. Returns the number online. Thread context.
u32 start_secondary_cpus();
/// Creates the stopper thread of `cpu`, which is online.
void create_stopper(CpuId cpu);

/// Starts a parked CPU again and waits until it is online; its runqueue, idle thread and stopper are as it
/// left them.
bool restart_cpu(CpuId cpu);

} // namespace runnel::smp
