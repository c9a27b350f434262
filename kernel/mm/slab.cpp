// SPDX-License-Identifier: Apache-2.0
#include "kernel/mm/slab.hpp"

#include "kernel/mm/address.hpp"
#include "kernel/mm/debug_object.hpp"
#include "kernel/mm/page_alloc.hpp"

#include <new>
#include <utility>

namespace runnel::mm {
namespace {

void free_slab(Slab* slab) {
  const u32 order = kSlabLayouts[slab->size_class].order;
  const PhysAddr base = virt_to_phys(slab);
  slab->magic = 0;
  for (u64 page = 1; page < u64{1} << order; ++page)
    page_word(base + page * kPageSize)->tag.owner = PageOwner::kNone;
  free_pages_for(PageOwner::kSlab, base, order);
}

} // namespace

ObjectChain SlabCache::take(u32 size_class, u32 want) {
  const IrqSpinGuard guard(lock_);
  ObjectChain chain;
  while (chain.count < want) {
    Slab* slab = partial_.front();
    if (slab == nullptr) {
      slab = empty_ != nullptr ? empty_ : grow(size_class);
      if (slab == nullptr) break;
      empty_ = nullptr;
      partial_.push_front(*slab);
    }
    void* object = slab->free;
    slab->free = free_link(object);
    free_link(object) = chain.head;
    chain.head = object;
    ++chain.count;
    ++slab->out;
    if (slab->free == nullptr) SlabList::erase(*slab);
  }
  return chain;
}

void SlabCache::give(ObjectChain chain) {
  Slab* unused = nullptr; // chained through Slab::free; their pages go back without the lock
  {
    const IrqSpinGuard guard(lock_);
    while (chain.count-- > 0) {
      void* object = chain.head;
      chain.head = free_link(object);
      Slab* slab = find_slab(object);
      if (slab->free == nullptr) partial_.push_back(*slab);
      free_link(object) = slab->free;
      slab->free = object;
      if (--slab->out > 0) continue;
      SlabList::erase(*slab);
      if (empty_ == nullptr) {
        empty_ = slab;
      } else {
        slab->free = unused;
        unused = slab;
      }
    }
  }
  while (unused != nullptr) {
    Slab* slab = unused;
    unused = static_cast<Slab*>(slab->free);
    free_slab(slab);
  }
}

void SlabCache::shrink() {
  Slab* slab = nullptr;
  {
    const IrqSpinGuard guard(lock_);
    std::swap(slab, empty_);
  }
  if (slab != nullptr) free_slab(slab);
}

Slab* SlabCache::grow(u32 size_class) {
  const SlabLayout& layout = kSlabLayouts[size_class];
  const auto base = alloc_pages_for(PageOwner::kSlab, layout.order);
  if (!base) return nullptr;
  for (u64 page = 0; page < u64{1} << layout.order; ++page)
    page_word(*base + page * kPageSize)->tag = {.next_cached = kNoPage,
                                                .size_class = static_cast<u8>(size_class),
                                                .head_offset = static_cast<u8>(page),
                                                .order = static_cast<u8>(layout.order),
                                                .owner = PageOwner::kSlab};
  Slab* slab = new (phys_ptr(*base)) Slab{};
  slab->size_class = size_class;
  for (u32 i = layout.capacity; i-- > 0;) { // so that the lowest address is handed out first
    void* object = reinterpret_cast<u8*>(slab) + layout.first + i * layout.stride;
    object_make(object, size_class);
    free_link(object) = slab->free;
    slab->free = object;
  }
  return slab;
}

Slab* slab_at(PhysAddr page) {
  const PageWord* word = page_word(page);
  if (word == nullptr || word->tag.owner != PageOwner::kSlab || word->tag.head_offset != 0) return nullptr;
  if (word->tag.size_class >= kNrSizeClasses) return nullptr;
  if (!is_allocated(page, kSlabLayouts[word->tag.size_class].order)) return nullptr;
  Slab* slab = phys_ptr<Slab>(page);
  return slab->magic == Slab::kMagic ? slab : nullptr;
}

Slab* find_slab(const void* object) {
  const uptr address = reinterpret_cast<uptr>(object);
  if (address < arch::kDirectMap || address >= arch::kVmapStart) return nullptr;
  const PhysAddr page{align_down(address - arch::kDirectMap, kPageSize)};
  const PageWord* word = page_word(page);
  if (word == nullptr || word->tag.owner != PageOwner::kSlab) return nullptr;
  const u64 back = u64{word->tag.head_offset} * kPageSize;
  if (!kObjectChecks) return phys_ptr<Slab>({page.value - back});
  Slab* slab = back <= page.value ? slab_at({page.value - back}) : nullptr;
  if (slab == nullptr) return nullptr;
  const SlabLayout& layout = kSlabLayouts[slab->size_class];
  const u64 offset = address - reinterpret_cast<uptr>(slab) - layout.first; // wraps for addresses in the head
  const bool starts_object = offset % layout.stride == 0 && offset / layout.stride < layout.capacity;
  return starts_object ? slab : nullptr;
}

} // namespace runnel::mm
