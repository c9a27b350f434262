// SPDX-License-Identifier: Apache-2.0
// What is done to a whole page at a time, by the instructions made for it.
#pragma once

#include "kernel/lib/types.hpp"

#include <algorithm>
#include <arch_impl/pages.hpp>

namespace runnel::arch {

// arch_impl/pages.hpp provides, in runnel::arch; pages are those of the direct map:
//   void clear_page(void* page)                    makes all of it zero
//   void copy_page(void* to, const void* from)     the two do not overlap

/// Index of the first of a table's entries in [from, to) that is not zero; `to`: there is none. Most of a
/// user's tables is empty, so eight entries are looked at together.
inline u32 next_used_entry(const u64* table, u32 from, u32 to) {
  constexpr u32 kTogether = 8;
  while (from < to) {
    const u64* at = table + from;
    if (at[0] != 0) return from;
    if (to - from >= kTogether && (at[1] | at[2] | at[3] | at[4] | at[5] | at[6] | at[7]) == 0) {
      from += kTogether;
      continue;
    }
    const u32 stop = std::min(from + kTogether, to);
    while (++from < stop)
      if (table[from] != 0) return from;
  }
  return to;
}

} // namespace runnel::arch
