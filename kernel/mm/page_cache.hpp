// SPDX-License-Identifier: Apache-2.0
// One CPU's stock of single pages, chained through their words, and its share of the accounting. Only its CPU
// changes it, with interrupts off; others read the counters, so those are atomics without ordering.
#pragma once

#include "kernel/mm/page.hpp"

#include <atomic>

namespace runnel::mm {

struct PageCache {
  static constexpr u32 kHigh = 32;  // drained when it grows beyond
  static constexpr u32 kBatch = 16; // pages per refill and drain

  u32 head = kNoPage;
  std::atomic<u32> count{0};
  /// Pages handed out minus pages given back here, by owner; negative where others' pages are freed.
  std::atomic<i64> owned[kNrPageOwners] = {};

  void push(PageWord* words, u32 index) {
    words[index].tag = {
        .next_cached = head, .size_class = 0, .head_offset = 0, .order = 0, .owner = PageOwner::kCached};
    head = index;
    count.store(size() + 1, std::memory_order_relaxed);
  }
  u32 pop(const PageWord* words) { // not when empty
    const u32 index = head;
    head = words[index].tag.next_cached;
    count.store(size() - 1, std::memory_order_relaxed);
    return index;
  }
  u32 size() const { return count.load(std::memory_order_relaxed); }
  void account(PageOwner owner, i64 pages) {
    auto& counter = owned[static_cast<u32>(owner)];
    counter.store(counter.load(std::memory_order_relaxed) + pages, std::memory_order_relaxed);
  }
};

} // namespace runnel::mm
