// SPDX-License-Identifier: Apache-2.0
// Pages of RAM. Single pages come from a cache of the CPU, everything else from the buddy allocator under the
// zone lock. Callable from any thread, with interrupts on or off, holding no lock of rank kZone or further
// in; not from interrupt handlers (kernel-wide rule).
#pragma once

#include "kernel/lib/errno.hpp"
#include "kernel/mm/page.hpp"

namespace runnel::mm {

/// 2^order contiguous pages aligned to their size; contents undefined (poison in debug images). Reach them
/// through phys_ptr(). kNOMEM when there is no block, kINVAL when order > kMaxOrder. Pages that other CPUs
/// have cached do not count as free here (at most PageCache::kHigh each).
Result<PhysAddr> alloc_pages(u32 order);
/// Gives back what alloc_pages(order) returned; anything else is reported as corruption.
void free_pages(PhysAddr block, u32 order);

/// The same for the other parts of kernel/mm, accounted under their own name.
Result<PhysAddr> alloc_pages_for(PageOwner owner, u32 order);
void free_pages_for(PageOwner owner, PhysAddr block, u32 order);

/// The word of a managed page, for its owner to use (`tag`, not `tag.owner`); nullptr for any other address.
PageWord* page_word(PhysAddr page);
/// Whether `page` is the first of a block handed out with this order. Racy for blocks the caller does not
/// own.
bool is_allocated(PhysAddr page, u32 order);

/// The pages that have a word, as page numbers.
struct PageRange {
  u64 first, count;
};
PageRange managed_pages();

/// Pages the allocator was given at boot.
u64 total_pages();

/// Gives this CPU's cached pages back to the buddy allocator, so that they can join into larger blocks.
void drain_local_page_cache();

struct PageStats {
  u64 total = 0;                 // pages the allocator was given
  u64 free = 0;                  // in the buddy allocator
  u64 cached = 0;                // in per-CPU caches
  i64 owned[kNrPageOwners] = {}; // handed out, by owner
  u64 free_blocks[kNrOrders] = {};
};
/// Exact when nobody allocates or frees meanwhile.
PageStats page_stats();

/// Boot: the arrays for pages [first, first + count), and the ranges that are free. kernel/mm/init.cpp only.
void page_alloc_init(u64 first, u64 count, u8* states, PageWord* words);
void page_alloc_add(u64 first, u64 count);

} // namespace runnel::mm

namespace runnel {
using mm::alloc_pages;
using mm::free_pages;
} // namespace runnel
