// SPDX-License-Identifier: Apache-2.0
// The state byte of a page is exact at all times: 0 inside a block or unmanaged, kFree|order on the first
// page of a free block, kTaken|order on the first page of a block that is handed out. That makes every wrong
// free visible.
#include "kernel/mm/buddy.hpp"

namespace runnel::mm {
namespace {

constexpr u8 kInside = 0;
constexpr u8 kFree = 0x80;
constexpr u8 kTaken = 0x40;
constexpr u8 kOrderMask = 0x0f;

constexpr u8 state(u8 kind, u32 order) { return static_cast<u8>(kind | order); }

} // namespace

const char* to_string(FreeError error) {
  switch (error) {
  case FreeError::kNone:
    return "no error";
  case FreeError::kOutOfRange:
    return "not a page of RAM the allocator manages";
  case FreeError::kMisaligned:
    return "not the first page of a block of this order";
  case FreeError::kNotAllocated:
    return "already free or never allocated";
  case FreeError::kWrongOrder:
    return "allocated with another order";
  }
  return "unknown error";
}

void Buddy::init(u64 first, std::span<u8> states, std::span<PageWord> words) {
  first_ = first;
  states_ = states;
  words_ = words;
}

void Buddy::add(u64 first, u64 count) {
  total_pages_ += count;
  u64 index = first - first_;
  const u64 end = index + count;
  while (index < end) {
    u32 order = kMaxOrder;
    while ((index & ((u64{1} << order) - 1)) != 0 || (u64{1} << order) > end - index) --order;
    free_pages_ += u64{1} << order;
    release(static_cast<u32>(index), order);
    index += u64{1} << order;
  }
}

std::optional<u64> Buddy::allocate(u32 order) {
  u32 have = order;
  while (have <= kMaxOrder && heads_[have] == kNoPage) ++have;
  if (have > kMaxOrder) return std::nullopt;
  const u32 index = heads_[have];
  unlink(index, have);
  while (have > order) { // the upper halves go back
    --have;
    push(index + (u32{1} << have), have);
  }
  states_[index] = state(kTaken, order);
  free_pages_ -= u64{1} << order;
  return first_ + index;
}

FreeError Buddy::check(u64 page, u32 order) const {
  if (!manages(page)) return FreeError::kOutOfRange;
  const u64 index = page - first_;
  if (order > kMaxOrder || (index & ((u64{1} << order) - 1)) != 0) return FreeError::kMisaligned;
  const u8 now = states_[index];
  if ((now & kTaken) == 0) return FreeError::kNotAllocated;
  return (now & kOrderMask) == order ? FreeError::kNone : FreeError::kWrongOrder;
}

FreeError Buddy::free(u64 page, u32 order) {
  if (const FreeError error = check(page, order); error != FreeError::kNone) return error;
  free_pages_ += u64{1} << order;
  release(static_cast<u32>(page - first_), order);
  return FreeError::kNone;
}

bool Buddy::is_consistent() const {
  u64 free_found = 0;
  for (u32 order = 0; order < kNrOrders; ++order) {
    u64 blocks = 0;
    u32 prev = kNoPage;
    for (u32 i = heads_[order]; i != kNoPage; i = words_[i].link.next) {
      if (i >= states_.size() || states_[i] != state(kFree, order) || words_[i].link.prev != prev)
        return false;
      if (++blocks > states_.size()) return false; // a loop
      prev = i;
    }
    if (blocks != counts_[order]) return false;
    free_found += blocks << order;
  }
  if (free_found != free_pages_) return false;
  // Between the first pages of blocks there is nothing but insides.
  for (usize i = 0; i < states_.size();) {
    if (states_[i] == kInside) {
      ++i;
      continue;
    }
    const usize size = usize{1} << (states_[i] & kOrderMask);
    if (i % size != 0 || i + size > states_.size()) return false;
    for (usize inside = i + 1; inside < i + size; ++inside)
      if (states_[inside] != kInside) return false;
    i += size;
  }
  return true;
}

// Puts a block on its free list, joined with its buddy as long as that is free too.
void Buddy::release(u32 index, u32 order) {
  states_[index] = kInside;
  for (; order < kMaxOrder; ++order) {
    const u32 buddy = index ^ (u32{1} << order);
    if (buddy >= states_.size() || states_[buddy] != state(kFree, order)) break;
    unlink(buddy, order);
    index &= ~(u32{1} << order);
  }
  push(index, order);
}

void Buddy::push(u32 index, u32 order) {
  states_[index] = state(kFree, order);
  words_[index].link = {.prev = kNoPage, .next = heads_[order]};
  if (heads_[order] != kNoPage) words_[heads_[order]].link.prev = index;
  heads_[order] = index;
  ++counts_[order];
}

void Buddy::unlink(u32 index, u32 order) {
  const auto link = words_[index].link;
  if (link.prev != kNoPage)
    words_[link.prev].link.next = link.next;
  else
    heads_[order] = link.next;
  if (link.next != kNoPage) words_[link.next].link.prev = link.prev;
  states_[index] = kInside;
  --counts_[order];
}

} // namespace runnel::mm
