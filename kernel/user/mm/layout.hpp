// SPDX-License-Identifier: Apache-2.0
// Where things lie in a user's address space, and how far chance moves them.
#pragma once

#include "kernel/lib/types.hpp"

#include <arch/mmu.hpp>

namespace runnel::user {

/// End of a user's addresses (exclusive): arch::kUserEnd.
inline constexpr u64 kTaskSize = arch::kUserEnd;
/// Nothing is mapped below (Linux's vm.mmap_min_addr).
inline constexpr u64 kMinAddress = 64 * 1024;
/// Top of the initial thread's stack without chance; the room for growth lies below.
inline constexpr u64 kStackTop = kTaskSize - kPageSize;
/// Where the executable's own break area lies for position-independent programs: 2/3 of the address space, as
/// on Linux.
inline constexpr u64 kDynBase = align_down(kTaskSize / 3 * 2, 2 * 1024 * 1024);

/// How far chance moves the stack and the area below it that mmap() uses: 2^bits pages, as on Linux.
inline constexpr u32 kStackChanceBits = 22;
inline constexpr u32 kMmapChanceBits = 28;

/// Whether new address spaces get chance offsets. They are drawn from a generator seeded with `seed=`, so
/// that a deterministic run stays one. Off: every address space is laid out alike.
enum class Aslr : u8 { kOff, kOn };
void set_aslr(Aslr aslr);
Aslr aslr();
/// A chance multiple of the page size below 2^bits pages; 0 when off.
u64 random_pages(u32 bits);
/// For AT_RANDOM and the like: from the same generator, whether ASLR is on or not.
u64 random_word();

} // namespace runnel::user
