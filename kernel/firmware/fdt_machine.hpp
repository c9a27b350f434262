// SPDX-License-Identifier: Apache-2.0
// The machine from a flattened device tree.
#pragma once

#include "kernel/firmware/bytes.hpp"
#include "kernel/lib/errno.hpp"

#include <arch/machine.hpp>

namespace runnel::firmware {

/// Fills `machine` from the tree at `phys`; the CPU with `boot_hw_id` becomes number 0. kINVAL, with what is
/// wrong in `why`: damaged tree, no CPU, or no GICv3.
Result<> describe_from_fdt(PhysReader reader, PhysAddr phys, u64 boot_hw_id, arch::MachineInfo& machine,
                           Sink& why);

} // namespace runnel::firmware
