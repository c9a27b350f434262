// SPDX-License-Identifier: Apache-2.0
// The firmware's memory map made safe: sorted, page-aligned, without overlaps, whatever the firmware said.
// Also the allocator of early boot, which takes pages out of it before the buddy allocator exists. Pure; not
// locked.
#pragma once

#include "boot/boot_info.hpp"
#include "kernel/lib/types.hpp"

#include <array>
#include <optional>
#include <span>

namespace runnel::mm {

/// What a span of physical memory is, from least to most binding: where ranges overlap the later kind wins.
enum class SpanKind : u8 {
  kUsable,
  kTaken, // was usable; given away by MemoryMap::take
  kAcpi,
  kBootData,
  kKernel,
  kReserved, // never touched, not even mapped
};

struct MemorySpan {
  u64 base = 0; // multiple of the page size, as is `end`
  u64 end = 0;  // exclusive
  SpanKind kind = SpanKind::kReserved;
  constexpr u64 size() const { return end - base; }
};

class MemoryMap {
 public:
  /// More spans than a map of kMaxMemoryRanges ranges can give, and room for what take() splits.
  static constexpr u32 kMaxSpans = 2 * (boot::kMaxMemoryRanges + 8) + 32;

  constexpr MemoryMap() = default;
  MemoryMap(const MemoryMap&) = delete;
  MemoryMap& operator=(const MemoryMap&) = delete;

  /// Rebuilds the map from `ranges` in any order, overlapping, empty, unaligned or reaching past the end of
  /// the address space. Usable ranges shrink to whole pages, all others grow. `claims` are treated alike and
  /// are for what the kernel knows better (its own image, page 0). Together at most kMaxMemoryRanges + 8; the
  /// rest is ignored. Addresses from `limit` on are cut off.
  void build(std::span<const boot::MemoryRange> ranges, std::span<const boot::MemoryRange> claims, u64 limit);

  /// Takes `size` bytes (a multiple of the page size) aligned to `align` (a power of two, at least the page
  /// size) from the highest usable place that ends at or below `below`. Nothing when there is none.
  std::optional<PhysAddr> take(u64 size, u64 align, u64 below);

  /// In address order, neighbours differ in kind or are apart.
  std::span<const MemorySpan> spans() const { return {spans_.data(), count_}; }
  /// Bytes of all spans of this kind.
  u64 total(SpanKind kind) const;

 private:
  void append(u64 base, u64 end, SpanKind kind);
  void insert_at(u32 index, MemorySpan span);
  void remove_empty(u32 index);

  std::array<MemorySpan, kMaxSpans> spans_{};
  u32 count_ = 0;
};

} // namespace runnel::mm
