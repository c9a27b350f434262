// SPDX-License-Identifier: Apache-2.0
// What the CPU itself knows of its place in the machine.
#pragma once

#include <arch/machine.hpp>

namespace runnel::arch {

/// Hardware id of the CPU this runs on, as CpuDescription::hw_id has it. Works before anything else does.
u64 this_hw_id();

/// Adds what the firmware's tables leave to the CPU to tell: on x86_64 packages, cores, threads and caches,
/// out of the APIC ids and CPUID; nothing on aarch64, where the tables say it all.
void refine_topology(MachineInfo& machine);

} // namespace runnel::arch
