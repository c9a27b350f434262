// SPDX-License-Identifier: Apache-2.0
// Which CPUs there are and which run.
#pragma once

#include "kernel/lib/cpumask.hpp"

#include <arch/machine.hpp>

namespace runnel {

/// CPUs that have come up (and take interrupts).
CpuMask online_cpus();
/// Number of CPUs the firmware lists, at most kMaxCpus; all come online during boot or the boot says which
/// did not.
u32 nr_cpus();
/// The machine's description, complete after boot.
const arch::MachineInfo& machine_info();

} // namespace runnel
