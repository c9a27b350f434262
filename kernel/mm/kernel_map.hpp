// SPDX-License-Identifier: Apache-2.0
// What the kernel's page table maps at boot: the image by its segments, and all RAM in the direct map.
#pragma once

#include "kernel/mm/memory_map.hpp"

#include <arch/mmu.hpp>

namespace runnel::mm {

/// Symbols of linker/sections.ld.
extern "C" const char __image_start[], __text_start[], __text_end[], __rodata_start[], __rodata_end[],
    __data_start[], __data_end[], __ksyms_start[], __ksyms_end[], __image_end[];

/// Tells virt_to_phys() where the image lies.
void set_image_base(PhysAddr base);

/// Maps image and direct map into `table`. No physical page becomes writable in one place and executable in
/// another: text and read-only data are read-only in the direct map too. `map` may change meanwhile by its
/// own take() (table pages).
Result<> build_kernel_map(arch::PageTable& table, const MemoryMap& map);

} // namespace runnel::mm
