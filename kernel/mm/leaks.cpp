// SPDX-License-Identifier: Apache-2.0
// Names what a test left behind: every slab in memory is looked at for objects younger than a snapshot.
#include "kernel/mm/address.hpp"
#include "kernel/mm/debug_object.hpp"
#include "kernel/mm/page_alloc.hpp"
#include "kernel/mm/slab.hpp"
#include "kernel/mm/usage.hpp"

namespace runnel::mm {

#ifdef RUNNEL_DEBUG

namespace {

// Returns how many it described, at most `max`.
u32 describe_slab(Sink& sink, const Slab& slab, u32 epoch, std::string_view prefix, u32 max) {
  const SlabLayout& layout = kSlabLayouts[slab.size_class];
  u32 described = 0;
  for (u32 i = 0; i < layout.capacity && described < max; ++i) {
    const u8* object = reinterpret_cast<const u8*>(&slab) + layout.first + i * layout.stride;
    const ObjectZone& zone = zone_of(object);
    if (!object_is_allocated(object) || static_cast<i32>(zone.epoch - epoch) < 0) continue;
    format_to(sink, "{}{} bytes at {}, allocated by {:#x}\n", prefix, zone.size,
              static_cast<const void*>(object), object_code_address(zone.allocated_by));
    ++described;
  }
  return described;
}

} // namespace

void describe_leaks(Sink& sink, const MemoryUsage& before, std::string_view prefix, u32 max) {
  const PageRange all = managed_pages();
  for (u64 page = all.first; page < all.first + all.count && max > 0; ++page)
    if (const Slab* slab = slab_at({page << kPageShift}))
      max -= describe_slab(sink, *slab, before.epoch, prefix, max);
}

#else

void describe_leaks(Sink&, const MemoryUsage&, std::string_view, u32) {}

#endif

} // namespace runnel::mm
