// SPDX-License-Identifier: Apache-2.0
#include "kernel/mm/usage.hpp"

#include "kernel/mm/debug_object.hpp"
#include "kernel/mm/kmalloc.hpp"
#include "kernel/mm/page_alloc.hpp"
#include "kernel/mm/vmap.hpp"

#include <algorithm>

namespace runnel::mm {
namespace {

i64 owned(const PageStats& stats, PageOwner owner) { return stats.owned[static_cast<u32>(owner)]; }

void describe_amount(Sink& sink, std::string_view prefix, std::string_view what, std::string_view unit,
                     i64 before, i64 after) {
  if (before == after) return;
  const i64 difference = after - before;
  format_to(sink, "{}{}: {} {} {}\n", prefix, what, difference < 0 ? -difference : difference, unit,
            difference < 0 ? "fewer" : "more");
}

} // namespace

bool MemoryUsage::same_as(const MemoryUsage& other) const {
  return pages == other.pages && large_pages == other.large_pages && user_pages == other.user_pages &&
         user_tables == other.user_tables && stacks == other.stacks &&
         std::equal(objects, objects + kNrSizeClasses, other.objects);
}

i64 MemoryUsage::object_bytes() const {
  i64 bytes = 0;
  for (u32 i = 0; i < kNrSizeClasses; ++i) bytes += objects[i] * kSizeClasses[i];
  return bytes;
}

i64 MemoryUsage::object_count() const {
  i64 count = 0;
  for (const i64 n : objects) count += n;
  return count;
}

MemoryUsage memory_usage() {
  MemoryUsage usage;
  const PageStats pages = page_stats();
  usage.total_bytes = pages.total * kPageSize;
  usage.pages = owned(pages, PageOwner::kDirect);
  usage.large_pages = owned(pages, PageOwner::kLarge);
  usage.user_pages = owned(pages, PageOwner::kUser);
  usage.user_tables = owned(pages, PageOwner::kUserTable);
  for (u32 i = 0; i < kNrSizeClasses; ++i) usage.objects[i] = class_stats(i).in_use;
  usage.stacks = static_cast<i64>(vmap_stats().stacks_in_use);
#ifdef RUNNEL_DEBUG
  usage.epoch = leak_epoch.fetch_add(1, std::memory_order_relaxed) + 1;
#endif
  return usage;
}

i64 slab_pages() { return owned(page_stats(), PageOwner::kSlab); }

void describe_difference(Sink& sink, const MemoryUsage& before, const MemoryUsage& after,
                         std::string_view prefix) {
  describe_amount(sink, prefix, "pages", "pages", before.pages, after.pages);
  describe_amount(sink, prefix, "kmalloc-large", "pages", before.large_pages, after.large_pages);
  describe_amount(sink, prefix, "user memory", "pages", before.user_pages, after.user_pages);
  describe_amount(sink, prefix, "user page tables", "pages", before.user_tables, after.user_tables);
  for (u32 i = 0; i < kNrSizeClasses; ++i) {
    char name[24];
    BufferSink text(name);
    format_to(text, "kmalloc-{}", kSizeClasses[i]);
    describe_amount(sink, prefix, text.view(), "objects", before.objects[i], after.objects[i]);
  }
  describe_amount(sink, prefix, "stacks", "stacks", before.stacks, after.stacks);
}

void mm_describe(Sink& sink) {
  constexpr u64 kKib = kPageSize / 1024;
  const PageStats pages = page_stats();
  const VmapStats vmap = vmap_stats();
  format_to(sink, "memory: {} KiB, free {} KiB, in per-CPU caches {} KiB\n", pages.total * kKib,
            pages.free * kKib, pages.cached * kKib);
  format_to(
      sink,
      "in use: pages {} KiB, kmalloc slabs {} KiB, kmalloc large {} KiB, stacks {} KiB, page tables {} KiB, "
      "users {} KiB, their page tables {} KiB\n",
      owned(pages, PageOwner::kDirect) * i64{kKib}, owned(pages, PageOwner::kSlab) * i64{kKib},
      owned(pages, PageOwner::kLarge) * i64{kKib}, owned(pages, PageOwner::kStack) * i64{kKib},
      owned(pages, PageOwner::kPageTable) * i64{kKib}, owned(pages, PageOwner::kUser) * i64{kKib},
      owned(pages, PageOwner::kUserTable) * i64{kKib});
  format_to(sink, "stacks: {} in use, {} cached; device registers: {} KiB\n", vmap.stacks_in_use,
            vmap.stacks_cached, vmap.device_pages * kKib);
  format_to(sink, "free blocks:");
  for (u32 order = 0; order < kNrOrders; ++order)
    format_to(sink, " {}K:{}", kKib << order, pages.free_blocks[order]);
  format_to(sink, "\n{:14} {:10} {:10} {:10}\n", "class", "in use", "stocked", "allocated");
  for (u32 i = 0; i < kNrSizeClasses; ++i) {
    const ClassStats stats = class_stats(i);
    if (stats.allocations == 0) continue;
    format_to(sink, "kmalloc-{:6} {:10} {:10} {:10}\n", kSizeClasses[i], stats.in_use, stats.in_magazines,
              stats.allocations);
  }
}

} // namespace runnel::mm
