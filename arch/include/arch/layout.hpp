// SPDX-License-Identifier: Apache-2.0
// The kernel's half of the address space, the same on every architecture. docs/memory.md has the picture.
#pragma once

#include "kernel/lib/types.hpp"

namespace runnel::arch {

/// All RAM, mapped once, at a fixed offset: physical address p is at kDirectMap + p.
inline constexpr u64 kDirectMap = 0xffff'8000'0000'0000;
/// Stacks and device registers: mapped page by page, with holes (guards) between.
inline constexpr u64 kVmapStart = 0xffff'c000'0000'0000;
inline constexpr u64 kVmapSize = u64{1} << 36;
/// The image's first byte is linked here (plus the 2 MiB it is loaded above the link base).
inline constexpr u64 kImageBase = 0xffff'ffff'8000'0000;

/// A kernel stack fills the upper half of a slot aligned to its size; the lower half is never mapped. An
/// overflow therefore faults, and "bit kStackShift of the stack pointer is 0" recognises it.
inline constexpr u64 kStackShift = 14;
inline constexpr u64 kStackSize = u64{1} << kStackShift;
inline constexpr u64 kStackSlot = 2 * kStackSize;

inline void* phys_to_virt(PhysAddr p) { return reinterpret_cast<void*>(kDirectMap + p.value); }

} // namespace runnel::arch
