// SPDX-License-Identifier: Apache-2.0
// Sweep over the ends of all ranges; between two neighbouring ends the most binding kind that covers holds.
#include "kernel/mm/memory_map.hpp"

#include <algorithm>

namespace runnel::mm {
namespace {

constexpr u32 kMaxInput = boot::kMaxMemoryRanges + 8;

SpanKind kind_of(boot::MemoryKind kind) {
  switch (kind) {
  case boot::MemoryKind::kUsable:
    return SpanKind::kUsable;
  case boot::MemoryKind::kAcpi:
    return SpanKind::kAcpi;
  case boot::MemoryKind::kBootData:
    return SpanKind::kBootData;
  case boot::MemoryKind::kKernel:
    return SpanKind::kKernel;
  case boot::MemoryKind::kReserved:
  case boot::MemoryKind::kFirmware:
    break;
  }
  return SpanKind::kReserved; // also what an unknown number means: hands off
}

// The whole pages of a range: inside it when usable, touched by it otherwise. Empty ranges have base == end.
MemorySpan page_span(const boot::MemoryRange& range, u64 limit) {
  const SpanKind kind = kind_of(range.kind);
  const u64 first = std::min(range.base, limit);
  const u64 last = range.size > limit - first ? limit : first + range.size; // no wrap past the address space
  if (first == last) return {};
  MemorySpan span{.base = align_down(first, kPageSize), .end = align_up(last, kPageSize), .kind = kind};
  if (kind == SpanKind::kUsable) {
    span.base = align_up(first, kPageSize);
    span.end = align_down(last, kPageSize);
  }
  return span.base < span.end ? span : MemorySpan{};
}

} // namespace

void MemoryMap::build(std::span<const boot::MemoryRange> ranges, std::span<const boot::MemoryRange> claims,
                      u64 limit) {
  std::array<MemorySpan, kMaxInput> input;
  u32 inputs = 0;
  limit = align_down(limit, kPageSize);
  // Claims first: they are few, and must not be what an overlong list pushes out.
  for (const auto list : {claims, ranges}) {
    for (const boot::MemoryRange& range : list) {
      const MemorySpan span = page_span(range, limit);
      if (span.base < span.end && inputs < kMaxInput) input[inputs++] = span;
    }
  }

  std::array<u64, 2 * kMaxInput> ends;
  u32 nr_ends = 0;
  for (u32 i = 0; i < inputs; ++i) {
    ends[nr_ends++] = input[i].base;
    ends[nr_ends++] = input[i].end;
  }
  std::sort(ends.begin(), ends.begin() + nr_ends);

  count_ = 0;
  for (u32 e = 0; e + 1 < nr_ends; ++e) {
    if (ends[e] == ends[e + 1]) continue;
    std::optional<SpanKind> kind;
    for (u32 i = 0; i < inputs; ++i) {
      const bool covers = input[i].base <= ends[e] && ends[e] < input[i].end;
      if (covers && (!kind || input[i].kind > *kind)) kind = input[i].kind;
    }
    if (kind) append(ends[e], ends[e + 1], *kind);
  }
}

std::optional<PhysAddr> MemoryMap::take(u64 size, u64 align, u64 below) {
  for (u32 i = count_; i-- > 0;) {
    const MemorySpan span = spans_[i];
    const u64 top = std::min(span.end, below);
    if (span.kind != SpanKind::kUsable || top < span.base || top - span.base < size) continue;
    const u64 base = align_down(top - size, align);
    if (base < span.base) continue;
    const u64 end = base + size;
    const bool next_is_taken =
        i + 1 < count_ && spans_[i + 1].kind == SpanKind::kTaken && spans_[i + 1].base == end;
    if (!next_is_taken && count_ + 2 > kMaxSpans) return std::nullopt;
    // Page after page taken from the top of one span grows one taken span.
    if (next_is_taken && end == span.end) {
      spans_[i + 1].base = base;
    } else {
      if (end < span.end) insert_at(i + 1, {.base = end, .end = span.end, .kind = SpanKind::kUsable});
      insert_at(i + 1, {.base = base, .end = end, .kind = SpanKind::kTaken});
    }
    spans_[i].end = base;
    if (base == span.base) remove_empty(i);
    return PhysAddr{base};
  }
  return std::nullopt;
}

u64 MemoryMap::total(SpanKind kind) const {
  u64 bytes = 0;
  for (const MemorySpan& span : spans())
    if (span.kind == kind) bytes += span.size();
  return bytes;
}

void MemoryMap::append(u64 base, u64 end, SpanKind kind) {
  if (count_ > 0 && spans_[count_ - 1].end == base && spans_[count_ - 1].kind == kind) {
    spans_[count_ - 1].end = end;
    return;
  }
  spans_[count_++] = {.base = base, .end = end, .kind = kind};
}

// The span at `index` was all taken: what was taken above it may now touch what was taken below it.
void MemoryMap::remove_empty(u32 index) {
  u32 gone = 1;
  if (index > 0 && spans_[index - 1].kind == SpanKind::kTaken &&
      spans_[index - 1].end == spans_[index].base) {
    spans_[index - 1].end = spans_[index + 1].end; // always kTaken
    gone = 2;
  }
  std::copy(spans_.begin() + index + gone, spans_.begin() + count_, spans_.begin() + index);
  count_ -= gone;
}

void MemoryMap::insert_at(u32 index, MemorySpan span) {
  std::copy_backward(spans_.begin() + index, spans_.begin() + count_, spans_.begin() + count_ + 1);
  spans_[index] = span;
  ++count_;
}

} // namespace runnel::mm
