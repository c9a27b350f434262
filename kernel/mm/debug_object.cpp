// SPDX-License-Identifier: Apache-2.0
#include "kernel/mm/debug_object.hpp"

#ifdef RUNNEL_DEBUG

#include "kernel/mm/corruption.hpp"

#include <algorithm>
#include <arch/layout.hpp>

namespace runnel::mm {

constinit std::atomic<u32> leak_epoch{0};

namespace {

constexpr u64 kAllocated = 0xa110'ca7e'd0b1'ec75;
constexpr u64 kFree = 0xf4ee'0b1e'c7f4'ee55;
constexpr u8 kFreePoison = 0x6b;
constexpr u8 kFreshPoison = 0xcd;
constexpr u8 kCanary = 0xbb;

void report(const char* what, const void* object, u32 size_class, u64 offset) {
  const ObjectZone& zone = zone_of(object);
  report_corruption({.what = what,
                     .address = object,
                     .size = kSizeClasses[size_class],
                     .offset = offset,
                     .allocated_by = object_code_address(zone.allocated_by),
                     .freed_by = object_code_address(zone.freed_by)});
}

// Reports the first byte of [from, to) that is not `expected`.
bool check_bytes(const char* what, const void* object, u32 size_class, u64 from, u64 to, u8 expected) {
  const u8* bytes = static_cast<const u8*>(object);
  const u8* bad = std::find_if(bytes + from, bytes + to, [expected](u8 b) { return b != expected; });
  if (bad == bytes + to) return true;
  report(what, object, size_class, static_cast<u64>(bad - bytes));
  return false;
}

u64 end_of(u32 size_class) { return kSizeClasses[size_class] + kRightZone; }

} // namespace

void object_make(void* object, u32 size_class) {
  zone_of(object) = {
      .link = nullptr, .epoch = 0, .allocated_by = 0, .freed_by = 0, .size = 0, .pad = 0, .state = kFree};
  std::fill_n(static_cast<u8*>(object), end_of(size_class), kFreePoison);
}

bool object_take(void* object, u32 size_class, u64 size, uptr caller) {
  ObjectZone& zone = zone_of(object);
  if (zone.state != kFree) return report("free object's zone overwritten", object, size_class, 0), false;
  if (!check_bytes("write after free", object, size_class, 0, end_of(size_class), kFreePoison)) return false;
  zone.epoch = leak_epoch.load(std::memory_order_relaxed);
  zone.allocated_by = static_cast<u32>(caller);
  zone.size = static_cast<u16>(size);
  zone.state = kAllocated;
  u8* bytes = static_cast<u8*>(object);
  std::fill(bytes, bytes + size, kFreshPoison);
  std::fill(bytes + size, bytes + end_of(size_class), kCanary);
  return true;
}

bool object_give(void* object, u32 size_class, uptr caller) {
  ObjectZone& zone = zone_of(object);
  if (zone.state == kFree) return report("double free", object, size_class, 0), false;
  if (zone.state != kAllocated || zone.size > kSizeClasses[size_class])
    return report("write before the start", object, size_class, 0), false;
  if (!check_bytes("write past the end", object, size_class, zone.size, end_of(size_class), kCanary))
    return false;
  zone.freed_by = static_cast<u32>(caller);
  zone.state = kFree;
  std::fill_n(static_cast<u8*>(object), end_of(size_class), kFreePoison);
  return true;
}

uptr object_code_address(u32 low) { return low == 0 ? 0 : (arch::kImageBase & ~uptr{0xffff'ffff}) | low; }

bool object_is_allocated(const void* object) { return zone_of(object).state == kAllocated; }

} // namespace runnel::mm

#endif
