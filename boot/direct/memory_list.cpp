// SPDX-License-Identifier: Apache-2.0
// Painting memory ranges.
#include "boot/direct/memory_list.hpp"

namespace runnel::boot {

void MemoryList::insert(u32 at, u64 base, u64 end, MemoryKind kind) {
  if (count_ == kMaxMemoryRanges) {
    overflowed_ = true;
    return;
  }
  for (u32 i = count_; i > at; --i) ranges_[i] = ranges_[i - 1];
  ranges_[at] = {base, end, kind};
  ++count_;
}

void MemoryList::set(u64 base, u64 size, MemoryKind kind) {
  if (size == 0 || base + size < base) return;
  const bool adds = kind == MemoryKind::kUsable;
  const u64 first = adds ? align_up(base, kPageSize) : align_down(base, kPageSize);
  const u64 last = adds ? align_down(base + size, kPageSize) : align_up(base + size, kPageSize);
  if (first >= last) return;

  if (adds) {
    // Memory nodes do not overlap; a tree that says so anyway keeps the first of them.
    u32 at = 0;
    while (at < count_ && ranges_[at].base < first) ++at;
    const u64 from = at > 0 && ranges_[at - 1].end > first ? ranges_[at - 1].end : first;
    const u64 to = at < count_ && ranges_[at].base < last ? ranges_[at].base : last;
    if (from < to) insert(at, from, to, kind);
    return;
  }
  for (u32 i = 0; i < count_; ++i) {
    const Range whole = ranges_[i];
    const u64 from = whole.base > first ? whole.base : first;
    const u64 to = whole.end < last ? whole.end : last;
    if (from >= to) continue;
    ranges_[i] = {from, to, kind};
    if (to < whole.end) insert(i + 1, to, whole.end, whole.kind);
    if (whole.base < from) insert(i++, whole.base, from, whole.kind);
  }
}

bool MemoryList::copy_to(BootInfo& info) const {
  for (u32 i = 0; i < count_; ++i)
    info.memory[i] = {ranges_[i].base, ranges_[i].end - ranges_[i].base, ranges_[i].kind, 0};
  info.memory_range_count = count_;
  return !overflowed_ && count_ > 0;
}

} // namespace runnel::boot
