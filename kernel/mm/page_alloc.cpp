// SPDX-License-Identifier: Apache-2.0
// The zone: the buddy allocator behind its lock, and the per-CPU caches in front of it.
#include "kernel/mm/page_alloc.hpp"

#include "kernel/mm/address.hpp"
#include "kernel/mm/buddy.hpp"
#include "kernel/mm/corruption.hpp"
#include "kernel/mm/page_cache.hpp"
#include "kernel/mm/page_poison.hpp"
#include "kernel/smp/percpu.hpp"
#include "kernel/sync/spinlock.hpp"

namespace runnel::mm {
namespace {

struct Zone {
  SpinLock lock{LockRank::kZone};
  Buddy buddy GUARDED_BY(lock);
  // Set once at boot. The words of free blocks belong to the buddy allocator, all others to the pages'
  // owners.
  u64 first = 0;
  u64 count = 0;
  PageWord* words = nullptr;
};

constinit Zone zone;
constinit PerCpu<PageCache> caches;

void refill(PageCache& cache) {
  const IrqSpinGuard guard(zone.lock);
  for (u32 n = 0; n < PageCache::kBatch; ++n) {
    const std::optional<u64> page = zone.buddy.allocate(0);
    if (!page) return;
    cache.push(zone.words, static_cast<u32>(*page - zone.first));
  }
}

// A cached page is an allocated block of order 0 to the buddy allocator, so freeing it cannot fail.
void drain(PageCache& cache, u32 pages) {
  const IrqSpinGuard guard(zone.lock);
  while (pages-- > 0 && cache.size() > 0) {
    const u64 page = zone.first + cache.pop(zone.words);
    if (const FreeError error = zone.buddy.free(page, 0); error != FreeError::kNone)
      report_corruption(
          {.what = to_string(error), .address = phys_ptr({page << kPageShift}), .size = kPageSize});
  }
}

std::optional<u64> take_block(u32 order) {
  const IrqSpinGuard guard(zone.lock);
  return zone.buddy.allocate(order);
}

std::optional<u64> take(PageCache& cache, u32 order) {
  if (order == 0) {
    if (cache.size() == 0) refill(cache);
    if (cache.size() == 0) return std::nullopt;
    return zone.first + cache.pop(zone.words);
  }
  std::optional<u64> page = take_block(order);
  if (!page && cache.size() > 0) {
    drain(cache, cache.size());
    page = take_block(order);
  }
  return page;
}

// The caller says it owns the block, so its states do not change under us: no lock.
FreeError check(u64 page, u32 order) NO_THREAD_SAFETY_ANALYSIS { return zone.buddy.check(page, order); }

bool may_free(PageOwner owner, PhysAddr block, u32 order) {
  const u64 page = block.value >> kPageShift;
  const char* what = nullptr;
  if (block.value % kPageSize != 0) {
    what = "not the address of a page";
  } else if (const FreeError error = check(page, order); error != FreeError::kNone) {
    what = to_string(error);
  } else if (const PageOwner now = zone.words[page - zone.first].tag.owner; now != owner) {
    what = now == PageOwner::kCached ? "page freed twice" : "page freed through the wrong function";
  }
  if (what != nullptr)
    report_corruption({.what = what,
                       .address = phys_ptr(block),
                       .size = kPageSize << order,
                       .freed_by = reinterpret_cast<uptr>(__builtin_return_address(0))});
  return what == nullptr;
}

} // namespace

Result<PhysAddr> alloc_pages_for(PageOwner owner, u32 order) {
  if (order > kMaxOrder) return err(Errno::kINVAL);
  u64 page = 0;
  {
    const IrqGuard irqs_off;
    PageCache& cache = caches.local();
    const std::optional<u64> found = take(cache, order);
    if (!found) return err(Errno::kNOMEM);
    page = *found;
    cache.account(owner, i64{1} << order);
    zone.words[page - zone.first].tag = {.next_cached = kNoPage,
                                         .size_class = 0,
                                         .head_offset = 0,
                                         .order = static_cast<u8>(order),
                                         .owner = owner};
  }
  page_poison_check(page, u64{1} << order);
  return PhysAddr{page << kPageShift};
}

void free_pages_for(PageOwner owner, PhysAddr block, u32 order) {
  const u64 page = block.value >> kPageShift;
  if (!may_free(owner, block, order)) return;
  page_poison_fill(page, u64{1} << order);
  const IrqGuard irqs_off;
  PageCache& cache = caches.local();
  cache.account(owner, -(i64{1} << order));
  if (order == 0) {
    cache.push(zone.words, static_cast<u32>(page - zone.first));
    if (cache.size() > PageCache::kHigh) drain(cache, PageCache::kBatch);
    return;
  }
  const IrqSpinGuard guard(zone.lock);
  if (const FreeError error = zone.buddy.free(page, order); error != FreeError::kNone)
    report_corruption({.what = to_string(error), .address = phys_ptr(block), .size = kPageSize << order});
}

Result<PhysAddr> alloc_pages(u32 order) { return alloc_pages_for(PageOwner::kDirect, order); }
void free_pages(PhysAddr block, u32 order) { free_pages_for(PageOwner::kDirect, block, order); }

PageWord* page_word(PhysAddr page) {
  const u64 index = (page.value >> kPageShift) - zone.first;
  return index < zone.count ? &zone.words[index] : nullptr;
}

bool is_allocated(PhysAddr page, u32 order) {
  return check(page.value >> kPageShift, order) == FreeError::kNone;
}

// Does not change after boot: no lock.
u64 total_pages() NO_THREAD_SAFETY_ANALYSIS { return zone.buddy.total_pages(); }

PageRange managed_pages() { return {.first = zone.first, .count = zone.count}; }

void drain_local_page_cache() {
  const IrqGuard irqs_off;
  PageCache& cache = caches.local();
  drain(cache, cache.size());
}

PageStats page_stats() {
  PageStats stats;
  const IrqSpinGuard guard(zone.lock);
  stats.total = zone.buddy.total_pages();
  stats.free = zone.buddy.free_pages();
  for (u32 order = 0; order < kNrOrders; ++order) stats.free_blocks[order] = zone.buddy.free_blocks(order);
  for (u32 cpu = 0; cpu < kMaxCpus; ++cpu) {
    const PageCache& cache = caches.on(CpuId{cpu});
    stats.cached += cache.size();
    for (u32 owner = 0; owner < kNrPageOwners; ++owner)
      stats.owned[owner] += cache.owned[owner].load(std::memory_order_relaxed);
  }
  return stats;
}

void page_alloc_init(u64 first, u64 count, u8* states, PageWord* words) {
  const IrqSpinGuard guard(zone.lock);
  zone.first = first;
  zone.count = count;
  zone.words = words;
  zone.buddy.init(first, {states, count}, {words, count});
}

void page_alloc_add(u64 first, u64 count) {
  const IrqSpinGuard guard(zone.lock);
  zone.buddy.add(first, count);
}

} // namespace runnel::mm
