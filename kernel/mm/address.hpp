// SPDX-License-Identifier: Apache-2.0
// Pointers and physical addresses: every use of the direct map goes through here.
#pragma once

#include "kernel/lib/types.hpp"

#include <arch/layout.hpp>

namespace runnel::mm {

/// One past the largest physical address the direct map can hold.
inline constexpr u64 kPhysLimit = arch::kVmapStart - arch::kDirectMap;

/// Pointer to physical memory. Memory the boot map does not list as RAM is not mapped: map_device() is for
/// that.
template <typename T = void> inline T* phys_ptr(PhysAddr p) { return static_cast<T*>(arch::phys_to_virt(p)); }

/// Physical address behind a pointer into the direct map or the kernel image. Other pointers (stacks, device
/// registers) have none that is contiguous; ask kernel_page_table().query().
PhysAddr virt_to_phys(const void* p);

} // namespace runnel::mm
