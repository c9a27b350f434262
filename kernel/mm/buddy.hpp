// SPDX-License-Identifier: Apache-2.0
// Binary buddy allocator (Knowlton 1965) over page numbers. Pure: it never touches the pages, has no globals
// and takes no lock, so the host tests run it against a model. Allocation and free are O(kMaxOrder).
#pragma once

#include "kernel/mm/page.hpp"

#include <optional>
#include <span>

namespace runnel::mm {

enum class FreeError : u8 {
  kNone,
  kOutOfRange,   // not a page this allocator manages
  kMisaligned,   // not a multiple of the block's size
  kNotAllocated, // already free, inside a block, or never handed out
  kWrongOrder,   // allocated with another order
};
const char* to_string(FreeError error);

class Buddy {
 public:
  constexpr Buddy() {
    for (u32& head : heads_) head = kNoPage;
  }
  Buddy(const Buddy&) = delete;
  Buddy& operator=(const Buddy&) = delete;

  /// Manages pages [first, first + states.size()); nothing is free yet. `states` must be all zero, `words` is
  /// as long and may hold anything; both live as long as the allocator. `first` is a multiple of the largest
  /// block.
  void init(u64 first, std::span<u8> states, std::span<PageWord> words);

  /// Makes pages [first, first + count) free for the first time. They lie in the managed range and are in no
  /// block.
  void add(u64 first, u64 count);

  /// First page of a free block of 2^order pages, or nothing. order <= kMaxOrder.
  std::optional<u64> allocate(u32 order);

  /// Gives back what allocate(order) returned. On an error nothing changes.
  [[nodiscard]] FreeError free(u64 page, u32 order);
  /// What free() would say. Reads only the page's own state: no lock needed by the block's owner.
  FreeError check(u64 page, u32 order) const;

  bool manages(u64 page) const { return page - first_ < states_.size(); }
  u64 free_pages() const { return free_pages_; }
  /// Pages ever made free by add().
  u64 total_pages() const { return total_pages_; }
  u64 free_blocks(u32 order) const { return counts_[order]; }

  /// Walks all lists and compares them with the states and counts; for tests. O(pages).
  bool is_consistent() const;

 private:
  void push(u32 index, u32 order);
  void unlink(u32 index, u32 order);
  void release(u32 index, u32 order);

  u64 first_ = 0;
  std::span<u8> states_;
  std::span<PageWord> words_;
  u64 free_pages_ = 0;
  u64 total_pages_ = 0;
  u32 heads_[kNrOrders];
  u64 counts_[kNrOrders] = {};
};

} // namespace runnel::mm
