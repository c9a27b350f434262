// SPDX-License-Identifier: Apache-2.0
// The lock of the vmap area and of every change of the kernel's page table after boot. kernel/mm only.
#pragma once

#include "kernel/sync/spinlock.hpp"

#include <arch/layout.hpp>

namespace runnel::mm {

extern constinit SpinLock vmap_lock;

/// Halves of the vmap area: stack slots below, device registers above.
inline constexpr u32 kMaxStacks = 8192;
inline constexpr u64 kStackArea = arch::kVmapStart;
inline constexpr u64 kDeviceArea = kStackArea + kMaxStacks * arch::kStackSlot;
static_assert(kStackArea % arch::kStackSlot == 0);
static_assert(kDeviceArea < arch::kVmapStart + arch::kVmapSize);

u64 device_pages() REQUIRES(vmap_lock);

} // namespace runnel::mm
