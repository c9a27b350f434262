// SPDX-License-Identifier: Apache-2.0
// Which CPUs there are and which run.
#pragma once

#include "kernel/lib/cpumask.hpp"

#include <arch/machine.hpp>

namespace runnel {

/// CPUs that have come up (and take interrupts).
CpuMask online_cpus();
/// Of those, the ones that ordinary tasks may be placed on; a CPU that goes down leaves first.
CpuMask active_cpus();
void set_cpu_active(CpuId cpu);
void set_cpu_inactive(CpuId cpu);
void set_cpu_offline(CpuId cpu); // by kernel/smp/hotplug.cpp
/// Number of CPUs the firmware lists, at most kMaxCpus; all come online during boot or the boot says which
/// did not.
u32 nr_cpus();
/// The machine's description, complete after boot.
const arch::MachineInfo& machine_info();

} // namespace runnel
