// SPDX-License-Identifier: Apache-2.0
#include "kernel/mm/large_object.hpp"

#include "kernel/mm/address.hpp"
#include "kernel/mm/corruption.hpp"
#include "kernel/mm/page_alloc.hpp"
#include "kernel/mm/size_class.hpp"

#include <algorithm>
#include <bit>

namespace runnel::mm {
namespace {

// Debug images fill what the size leaves of the block's tail, as far as this many bytes.
constexpr u64 kTail = 64;
constexpr u8 kCanary = 0xbb;

u64 tail_bytes(u64 size, u64 block) { return std::min(block - size, kTail); }

void check_tail(const u8* object, u64 size, u64 block) {
  const u8* end = object + size + tail_bytes(size, block);
  const u8* bad = std::find_if(object + size, end, [](u8 b) { return b != kCanary; });
  if (bad != end)
    report_corruption({.what = "write past the end",
                       .address = object,
                       .size = block,
                       .offset = static_cast<u64>(bad - object)});
}

} // namespace

void* large_alloc(usize size) {
  if (size > kPageSize << kMaxOrder) return nullptr;
  const u32 order = static_cast<u32>(std::bit_width((size - 1) >> kPageShift));
  const auto block = alloc_pages_for(PageOwner::kLarge, order);
  if (!block) return nullptr;
  u8* object = phys_ptr<u8>(*block);
  if (kObjectChecks) {
    page_word(*block)->tag.next_cached = static_cast<u32>(size);
    std::fill_n(object + size, tail_bytes(size, kPageSize << order), kCanary);
  }
  return object;
}

bool large_free(void* object) {
  const uptr address = reinterpret_cast<uptr>(object);
  if (address < arch::kDirectMap || address >= arch::kVmapStart || address % kPageSize != 0) return false;
  const PhysAddr block{address - arch::kDirectMap};
  const PageWord* word = page_word(block);
  if (word == nullptr || word->tag.owner != PageOwner::kLarge || !is_allocated(block, word->tag.order))
    return false;
  if (kObjectChecks)
    check_tail(static_cast<const u8*>(object), word->tag.next_cached, kPageSize << word->tag.order);
  free_pages_for(PageOwner::kLarge, block, word->tag.order);
  return true;
}

} // namespace runnel::mm
