// SPDX-License-Identifier: Apache-2.0
// One entry to the firmware's description of the machine, whichever form it has.
#pragma once

#include "boot/boot_info.hpp"
#include "kernel/firmware/bytes.hpp"
#include "kernel/lib/errno.hpp"

#include <arch/machine.hpp>

namespace runnel::firmware {

/// Fills `machine` from ACPI when there is a root pointer, else from the device tree. `boot_hw_id` is the
/// hardware id of the CPU that runs this. The error's text, naming table and offset, goes to `why`. Pure but
/// for `reader`.
Result<> describe_machine(const boot::BootInfo& info, PhysReader reader, u64 boot_hw_id,
                          arch::MachineInfo& machine, Sink& why);

/// What there is, then where every CPU is and, with more than one, what every NUMA node has: a line each, for
/// people.
void describe_topology(const arch::MachineInfo& machine, Sink& sink);

} // namespace runnel::firmware
