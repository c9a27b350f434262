// SPDX-License-Identifier: Apache-2.0
// The sizes kmalloc() has, and how a slab of each is laid out. All known at compile time. Pure.
#pragma once

#include "kernel/mm/page.hpp"

#include <array>

namespace runnel::mm {

inline constexpr std::array<u16, 13> kSizeClasses = {16,  32,  64,  96,   128,  192, 256,
                                                     384, 512, 768, 1024, 1536, 2048};
inline constexpr u32 kNrSizeClasses = static_cast<u32>(kSizeClasses.size());
inline constexpr u64 kMaxClassSize = kSizeClasses.back();

/// Bytes at the start of a slab that hold its own head (struct Slab).
inline constexpr u32 kSlabHead = 64;

#ifdef RUNNEL_DEBUG
inline constexpr bool kObjectChecks = true;
inline constexpr u32 kRightZone = 16;
#else
inline constexpr bool kObjectChecks = false;
inline constexpr u32 kRightZone = 0;
#endif

/// Bytes every object of the class is aligned to: what a type with cache-line alignment needs, where that is
/// free.
constexpr u32 object_alignment(u32 size_class) { return kSizeClasses[size_class] % 64 == 0 ? 64 : 16; }

/// Bytes before an object that the debug checks use.
constexpr u32 left_zone(u32 size_class) {
  if (!kObjectChecks) return 0;
  return object_alignment(size_class) == 64 ? 64 : 32;
}

struct SlabLayout {
  u32 first;    // offset of object 0 in the slab
  u32 stride;   // from one object to the next
  u32 capacity; // objects
  u32 order;    // the slab is 2^order pages
};

constexpr SlabLayout compute_layout(u32 size_class) {
  const u32 align = object_alignment(size_class);
  const u32 stride =
      static_cast<u32>(align_up(left_zone(size_class) + kSizeClasses[size_class] + kRightZone, align));
  // The smallest slab that wastes at most an eighth.
  for (u32 order = 0;; ++order) {
    const u32 bytes = static_cast<u32>(kPageSize << order);
    const u32 capacity = (bytes - kSlabHead) / stride;
    if (bytes - capacity * stride <= bytes / 8)
      return {
          .first = kSlabHead + left_zone(size_class), .stride = stride, .capacity = capacity, .order = order};
  }
}

inline constexpr auto kSlabLayouts = [] {
  std::array<SlabLayout, kNrSizeClasses> all{};
  for (u32 i = 0; i < kNrSizeClasses; ++i) all[i] = compute_layout(i);
  return all;
}();

/// Smallest class that holds `size` bytes; size <= kMaxClassSize.
constexpr u32 size_class_of(u64 size) {
  constexpr auto kTable = [] {
    std::array<u8, kMaxClassSize / 16 + 1> table{};
    u8 size_class = 0;
    for (u32 i = 0; i < table.size(); ++i) {
      if (i * 16 > kSizeClasses[size_class]) ++size_class;
      table[i] = size_class;
    }
    return table;
  }();
  return kTable[(size + 15) / 16];
}

} // namespace runnel::mm
