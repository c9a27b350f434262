// SPDX-License-Identifier: Apache-2.0
#include "kernel/mm/page_poison.hpp"

#ifdef RUNNEL_DEBUG

#include "kernel/mm/address.hpp"
#include "kernel/mm/corruption.hpp"

#include <algorithm>
#include <atomic>

namespace runnel::mm {
namespace {

constexpr u64 kPoison = 0x5a5a'5a5a'5a5a'5a5a;
constexpr usize kWords = kPageSize / sizeof(u64);

// Neighbouring bits belong to pages of different owners, hence atomic; a page's own bit is handed over
// together with the page, under the zone lock or on one CPU, hence relaxed.
constinit u64* filled = nullptr;
constinit u64 first_page = 0;
constinit u64 nr_pages = 0;

struct Bit {
  std::atomic_ref<u64> word;
  u64 mask;
};
Bit bit_of(u64 page) {
  const u64 index = page - first_page;
  return {std::atomic_ref<u64>(filled[index / 64]), u64{1} << (index % 64)};
}

} // namespace

void page_poison_init(u64 first, u64 count, u64* bits) {
  first_page = first;
  nr_pages = count;
  filled = bits;
}

void page_poison_fill(u64 page, u64 count) {
  for (; count-- > 0; ++page) {
    std::fill_n(phys_ptr<u64>({page << kPageShift}), kWords, kPoison);
    const Bit bit = bit_of(page);
    bit.word.fetch_or(bit.mask, std::memory_order_relaxed);
  }
}

void page_poison_check(u64 page, u64 count) {
  for (; count-- > 0; ++page) {
    const Bit bit = bit_of(page);
    if ((bit.word.fetch_and(~bit.mask, std::memory_order_relaxed) & bit.mask) == 0) continue;
    const u64* words = phys_ptr<u64>({page << kPageShift});
    const u64* bad = std::find_if(words, words + kWords, [](u64 w) { return w != kPoison; });
    if (bad != words + kWords)
      report_corruption({.what = "write to a free page",
                         .address = words,
                         .size = kPageSize,
                         .offset = static_cast<u64>(bad - words) * sizeof(u64)});
  }
}

} // namespace runnel::mm

#endif
