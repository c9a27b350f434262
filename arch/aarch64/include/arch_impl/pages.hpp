// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kernel/lib/types.hpp"

#include <algorithm>
#include <arch/layout.hpp>

namespace runnel::arch {

/// By DC ZVA, a block at a time, where it is allowed (Arm ARM D19.2.38: size and prohibition).
inline void clear_page(void* page) {
  constexpr u64 kProhibited = 1u << 4;
  u64 id;
  asm("mrs %0, dczid_el0" : "=r"(id));
  if ((id & kProhibited) != 0) {
    std::fill_n(static_cast<u64*>(page), kPageSize / sizeof(u64), u64{0});
    return;
  }
  const u64 block = u64{4} << (id & 0xf); // 2 KiB at most
  const u64 start = reinterpret_cast<u64>(page);
#pragma clang loop unroll_count(4)
  for (u64 at = start; at != start + kPageSize; at += block) asm volatile("dc zva, %0" ::"r"(at) : "memory");
}

/// A general register at a time, two in an instruction: the kernel has no others.
inline void copy_page(void* to, const void* from) {
  constexpr u32 kTogether = 16;
  auto* t = static_cast<u64*>(to);
  const auto* f = static_cast<const u64*>(from);
  for (const u64* end = f + kPageSize / sizeof(u64); f != end; f += kTogether, t += kTogether) {
    u64 words[kTogether];
#pragma clang loop unroll(full)
    for (u32 i = 0; i < kTogether; ++i) words[i] = f[i];
#pragma clang loop unroll(full)
    for (u32 i = 0; i < kTogether; ++i) t[i] = words[i];
  }
}

} // namespace runnel::arch
