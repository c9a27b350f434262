// SPDX-License-Identifier: Apache-2.0
// Entries of VMSAv8-64 stage 1 tables: 48 bits, 4 KiB granule (Arm ARM D8.3); for the files here that build
// them.
#pragma once

#include "kernel/lib/types.hpp"

#include <arch/layout.hpp>

namespace runnel::arch::page_entry {

inline constexpr u64 kValid = 1u << 0;
inline constexpr u64 kTableOrPage = 1u << 1; // at level 3: page; above: next table
inline constexpr u64 kAttributeIndex = 7u << 2;
inline constexpr u64 kDeviceMemory = 0u << 2, kNormalMemory = 1u << 2; // MAIR of startup.S
inline constexpr u64 kUserAccess = 1u << 6;
inline constexpr u64 kReadOnly = 1u << 7;
inline constexpr u64 kInnerShareable = 3u << 8;
inline constexpr u64 kAccessed = 1u << 10;
inline constexpr u64 kNotGlobal = 1u << 11;
inline constexpr u64 kPrivilegedExecuteNever = u64{1} << 53;
inline constexpr u64 kUserExecuteNever = u64{1} << 54;
inline constexpr u64 kAddressMask = 0x0000'ffff'ffff'f000;

inline constexpr u32 kLevels = 4, kEntries = 512;
inline constexpr u64 kKernelHalf = 0xffff'0000'0000'0000;
/// Ours, in an entry that is not valid: a page is kept there, out of reach.
inline constexpr u64 kKept = u64{1} << 55;

/// Bytes one entry of `level` (0 = root) covers: 512 GiB, 1 GiB, 2 MiB, 4 KiB.
constexpr u32 shift_of(u32 level) { return 39 - 9 * level; }
constexpr u64 span_of(u32 level) { return u64{1} << shift_of(level); }
constexpr u32 index_of(u64 virt, u32 level) {
  return static_cast<u32>(virt >> shift_of(level) & (kEntries - 1));
}

inline u64* table_at(PhysAddr phys) { return static_cast<u64*>(phys_to_virt(phys)); }

inline bool is_table(u64 entry, u32 level) {
  return level < kLevels - 1 && (entry & (kValid | kTableOrPage)) == (kValid | kTableOrPage);
}

/// A write to a table that makes a mapping appear; whole, as the walker may look at any time.
inline void store_entry(u64* entry, u64 value) { __atomic_store_n(entry, value, __ATOMIC_RELAXED); }

} // namespace runnel::arch::page_entry
