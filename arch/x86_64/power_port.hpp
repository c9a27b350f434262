// SPDX-License-Identifier: Apache-2.0
// What arch::exit needs to know of the machine to power it off.
#pragma once

#include <arch/machine.hpp>

namespace runnel::arch {

/// Remembers ACPI's control register. Once, on the boot CPU.
void power_port_setup(const MachineInfo& machine);

} // namespace runnel::arch
