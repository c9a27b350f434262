// SPDX-License-Identifier: Apache-2.0
// Size classes and the layout of slabs; and the debug checks around an object: each kind of damage is found,
// at the right byte, and a well-behaved object never is.
#include "kernel/mm/corruption.hpp"
#include "kernel/mm/debug_object.hpp"
#include "kernel/mm/size_class.hpp"

#include <catch2/catch.hpp>
#include <cstring>
#include <optional>
#include <string>
#include <vector>

using namespace runnel;
using namespace runnel::mm;

namespace {

std::optional<Corruption> reported;

struct Hook {
  Hook() : before(set_corruption_hook([](const Corruption& c) { reported = c; })) { reported.reset(); }
  ~Hook() { set_corruption_hook(before); }
  CorruptionHook before;
};

std::string last_report() { return reported ? reported->what : "nothing"; }

// Room for one object of a class with its zones.
struct Room {
  explicit Room(u32 c) : size_class(c), bytes(left_zone(c) + kSizeClasses[c] + kRightZone + 64) {
    const uptr start = reinterpret_cast<uptr>(bytes.data());
    object = reinterpret_cast<u8*>(align_up(start, 64) + left_zone(c));
    object_make(object, c);
  }
  u32 size_class;
  std::vector<u8> bytes;
  u8* object;
};

} // namespace

TEST_CASE("every size goes into the smallest class that holds it", "[mm][kmalloc]") {
  for (u64 size = 0; size <= kMaxClassSize; ++size) {
    const u32 size_class = size_class_of(size);
    REQUIRE(kSizeClasses[size_class] >= size);
    if (size_class > 0) REQUIRE(kSizeClasses[size_class - 1] < size);
  }
}

TEST_CASE("slabs waste at most an eighth and align their objects", "[mm][kmalloc]") {
  for (u32 i = 0; i < kNrSizeClasses; ++i) {
    const SlabLayout& layout = kSlabLayouts[i];
    const u64 bytes = kPageSize << layout.order;
    CAPTURE(kSizeClasses[i], layout.order, layout.capacity, layout.stride);
    CHECK(layout.capacity >= 4);
    CHECK(layout.stride >= left_zone(i) + kSizeClasses[i] + kRightZone);
    CHECK(kSlabHead + u64{layout.capacity} * layout.stride <= bytes);
    CHECK((bytes - u64{layout.capacity} * layout.stride) * 8 <= bytes);
    CHECK(layout.first % object_alignment(i) == 0);
    CHECK(layout.stride % object_alignment(i) == 0);
  }
}

TEST_CASE("a well-used object is never reported", "[mm][kmalloc]") {
  const Hook hook;
  for (u32 c = 0; c < kNrSizeClasses; ++c) {
    Room room(c);
    for (const u64 size : {u64{0}, u64{1}, u64{kSizeClasses[c]} - 3, u64{kSizeClasses[c]}}) {
      REQUIRE(object_take(room.object, c, size, 0));
      CHECK(object_is_allocated(room.object));
      std::memset(room.object, 0x77, size);
      REQUIRE(object_give(room.object, c, 0));
      CHECK_FALSE(object_is_allocated(room.object));
    }
  }
  CHECK(last_report() == "nothing");
}

TEST_CASE("damage to an object is found and named", "[mm][kmalloc]") {
  const Hook hook;
  const u32 c = GENERATE(range(0u, kNrSizeClasses));
  CAPTURE(kSizeClasses[c]);
  Room room(c);
  const u64 size = kSizeClasses[c] - 5u;
  REQUIRE(object_take(room.object, c, size, 0x81234567));
  SECTION("one byte past the size asked for") {
    room.object[size] = 0;
    CHECK_FALSE(object_give(room.object, c, 0));
    CHECK(last_report() == "write past the end");
    CHECK(reported->offset == size);
    CHECK(reported->allocated_by == 0xffff'ffff'8123'4567);
  }
  SECTION("the last byte of the right zone") {
    room.object[kSizeClasses[c] + kRightZone - 1] ^= 1;
    CHECK_FALSE(object_give(room.object, c, 0));
    CHECK(last_report() == "write past the end");
  }
  SECTION("one byte before the start") {
    room.object[-1] ^= 1;
    CHECK_FALSE(object_give(room.object, c, 0));
    CHECK(last_report() == "write before the start");
  }
  SECTION("double free") {
    REQUIRE(object_give(room.object, c, 0x80000010));
    CHECK_FALSE(object_give(room.object, c, 0));
    CHECK(last_report() == "double free");
    CHECK(reported->freed_by == 0xffff'ffff'8000'0010);
  }
  SECTION("write after free, any byte") {
    REQUIRE(object_give(room.object, c, 0));
    const u64 at = GENERATE(0u, 7u);
    room.object[at] = 1;
    CHECK_FALSE(object_take(room.object, c, 1, 0));
    CHECK(last_report() == "write after free");
    CHECK(reported->offset == at);
  }
  SECTION("write before a free object") {
    REQUIRE(object_give(room.object, c, 0));
    room.object[-1] ^= 0x80;
    CHECK_FALSE(object_take(room.object, c, 1, 0));
    CHECK(last_report() == "free object's zone overwritten");
  }
}
