// SPDX-License-Identifier: Apache-2.0
// Entries of four-level page tables (Intel SDM volume 3, chapter 4.5); for the files here that build them.
#pragma once

#include "kernel/lib/types.hpp"

#include <arch/layout.hpp>

namespace runnel::arch {

/// Of the tables this CPU activated last: what a CPU without a user's tables has loaded.
PhysAddr kernel_page_root();

} // namespace runnel::arch

namespace runnel::arch::page_entry {

inline constexpr u64 kPresent = 1u << 0;
inline constexpr u64 kWritable = 1u << 1;
inline constexpr u64 kUser = 1u << 2;
inline constexpr u64 kWriteThrough = 1u << 3;
inline constexpr u64 kUncached = 1u << 4;
inline constexpr u64 kAccessed = 1u << 5;
inline constexpr u64 kDirty = 1u << 6;
inline constexpr u64 kLarge = 1u << 7; // levels 1 and 2
inline constexpr u64 kGlobal = 1u << 8;
inline constexpr u64 kNoExecute = u64{1} << 63;
inline constexpr u64 kAddressMask = 0x000f'ffff'ffff'f000;
/// Ours, in an entry that is not present: a page is kept there, out of reach.
inline constexpr u64 kKept = 1u << 9;

inline constexpr u32 kTopLevel = 3;
constexpr u64 level_shift(u32 level) { return kPageShift + 9 * u64{level}; }
constexpr u64 level_size(u32 level) { return u64{1} << level_shift(level); }

inline u64* table_at(PhysAddr p) { return static_cast<u64*>(phys_to_virt(p)); }
inline PhysAddr target_of(u64 entry, u32 level) { return {entry & kAddressMask & ~(level_size(level) - 1)}; }
inline u64& entry_at(u64* table, u32 level, u64 virt) { return table[virt >> level_shift(level) & 511]; }
inline bool is_leaf(u64 entry, u32 level) { return level == 0 || (entry & kLarge) != 0; }

} // namespace runnel::arch::page_entry
