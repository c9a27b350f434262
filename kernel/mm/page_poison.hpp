// SPDX-License-Identifier: Apache-2.0
// Debug images fill pages when they are freed and look, when they are handed out again, whether somebody
// wrote to them in between. A bit a page remembers which ones are filled: RAM that was never used is not.
// Nothing in release.
#pragma once

#include "kernel/lib/types.hpp"

namespace runnel::mm {

#ifdef RUNNEL_DEBUG
inline constexpr bool kPagePoisoning = true;
/// Boot: one bit for each of `count` pages from `first`; `bits` is zeroed memory of page_poison_bytes(count).
void page_poison_init(u64 first, u64 count, u64* bits);
constexpr u64 page_poison_bytes(u64 count) { return align_up(count, 64) / 8; }
/// The caller owns the pages, in both.
void page_poison_fill(u64 page, u64 count);
/// Reports a write after free as corruption.
void page_poison_check(u64 page, u64 count);
#else
inline constexpr bool kPagePoisoning = false;
inline void page_poison_init(u64, u64, u64*) {}
constexpr u64 page_poison_bytes(u64) { return 0; }
inline void page_poison_fill(u64, u64) {}
inline void page_poison_check(u64, u64) {}
#endif

} // namespace runnel::mm
