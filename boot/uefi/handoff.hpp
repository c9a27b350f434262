// SPDX-License-Identifier: Apache-2.0
// The end of boot services.
#pragma once

#include "boot/boot_info.hpp"
#include "boot/uefi/tables.hpp"

namespace runnel::uefi {

/// Fills info.memory with the final memory map and ends boot services. `info` holds all the rest already; it,
/// the kernel, the initrd and the device tree are painted into the map. Nothing of the firmware may be called
/// after.
void end_boot_services(boot::BootInfo& info, const Tables& tables);

} // namespace runnel::uefi
