// SPDX-License-Identifier: Apache-2.0
// What debug images write around and into every kmalloc() object, and how they check it. An object lies
// between a left zone with its history and a right zone of canary bytes; a free object is poison all through.
// In release the functions vanish and the chain of free objects runs through the objects themselves.
#pragma once

#include "kernel/mm/size_class.hpp"

#include <atomic>

namespace runnel::mm {

#ifdef RUNNEL_DEBUG

/// The 32 bytes before an object. `state` is nearest to it: a write before the object hits it first.
struct ObjectZone {
  void* link;       // next in a chain of free objects
  u32 epoch;        // when allocated, see leak_epoch
  u32 allocated_by; // low half of a code address
  u32 freed_by;
  u16 size; // as asked for
  u16 pad;
  u64 state;
};
static_assert(sizeof(ObjectZone) == 32);

inline ObjectZone& zone_of(const void* object) {
  return *reinterpret_cast<ObjectZone*>(reinterpret_cast<uptr>(object) - sizeof(ObjectZone));
}
inline void*& free_link(void* object) { return zone_of(object).link; }

/// An object of a new slab.
void object_make(void* object, u32 size_class);
/// Checks that a free object is untouched and makes it an allocated one. False: reported, not to be used.
bool object_take(void* object, u32 size_class, u64 size, uptr caller);
/// Checks that it is an allocated object with its zones intact and makes it a free one. False: reported.
bool object_give(void* object, u32 size_class, uptr caller);
/// Whether the zone says allocated: for the leak report.
bool object_is_allocated(const void* object);
/// The full address of what a zone keeps half of; 0 for none.
uptr object_code_address(u32 low);

/// Stamped on every object; memory_usage() raises it, so that a leak report lists only what came after.
extern constinit std::atomic<u32> leak_epoch;

#else

inline void*& free_link(void* object) { return *static_cast<void**>(object); }
inline void object_make(void*, u32) {}
inline bool object_take(void*, u32, u64, uptr) { return true; }
inline bool object_give(void*, u32, uptr) { return true; }

#endif

} // namespace runnel::mm
