// SPDX-License-Identifier: Apache-2.0
// From the boot path's memory map to a kernel with its own page tables and allocators.
#pragma once

#include "boot/boot_info.hpp"
#include "kernel/lib/types.hpp"

#include <arch/machine.hpp>
#include <arch/mmu.hpp>

namespace runnel::mm {

/// Once, on the boot CPU, on the boot path's page tables with interrupts off. Afterwards everything in
/// kernel/mm works and this CPU runs on kernel_page_table(). Only RAM and the image are mapped from then on:
/// firmware tables outside of RAM and device registers are not (the console falls silent until
/// arch::console_init). Panics when the map leaves too little memory.
void mm_init(const boot::BootInfo& info, const arch::MachineInfo& machine);

/// The kernel's page table, complete after mm_init. Changes after that go through vmap.hpp.
arch::PageTable& kernel_page_table();

/// A page below 1 MiB, kept for the first instructions of secondary x86_64 CPUs. 0 where RAM starts higher.
PhysAddr low_page();

} // namespace runnel::mm

namespace runnel {
using mm::kernel_page_table;
using mm::low_page;
} // namespace runnel
