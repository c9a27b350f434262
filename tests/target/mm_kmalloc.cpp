// SPDX-License-Identifier: Apache-2.0
#include "kernel/mm/kmalloc.hpp"

#include "kernel/mm/page_alloc.hpp"
#include "kernel/mm/unique_ptr.hpp"
#include "kernel/mm/usage.hpp"
#include "kernel/sync/guards.hpp"
#include "tests/target/mm_storm.hpp"

#include <algorithm>

namespace runnel {
namespace {

RUNNEL_TEST(mm, kmalloc_of_every_class_boundary)
{
  for (const u64 size_class : mm::kSizeClasses) {
    for (const u64 size : {size_class - 1, size_class, size_class + 1}) {
      u8* a = static_cast<u8*>(kmalloc(size));
      u8* b = static_cast<u8*>(kmalloc(size));
      REQUIRE(a != nullptr);
      REQUIRE(b != nullptr);
      const uptr alignment = size_class % 64 == 0 && size <= size_class ? 64 : 16;
      CHECK(reinterpret_cast<uptr>(a) % alignment == 0);
      std::fill_n(a, size, u8{0x11});
      std::fill_n(b, size, u8{0x22});
      CHECK(std::all_of(a, a + size, [](u8 byte) { return byte == 0x11; }));
      kfree(a);
      CHECK(std::all_of(b, b + size, [](u8 byte) { return byte == 0x22; }));
      kfree(b);
    }
  }
}

RUNNEL_TEST(mm, kmalloc_larger_than_the_classes, .limit = 2_s)
{
  const MemoryUsage before = memory_usage();
  for (const u64 size : {u64{2049}, kPageSize, kPageSize + 1, 5 * kPageSize, u64{1} << 20, mm::kMaxKmalloc}) {
    u8* object = static_cast<u8*>(kmalloc(size));
    REQUIRE(object != nullptr);
    CHECK(reinterpret_cast<uptr>(object) % kPageSize == 0);
    object[0] = object[size - 1] = 7;
    CHECK(memory_usage().large_pages >=
          before.large_pages + static_cast<i64>(align_up(size, kPageSize) / kPageSize));
    kfree(object);
  }
  CHECK(kmalloc(mm::kMaxKmalloc + 1) == nullptr);
  CHECK(kmalloc(~usize{0}) == nullptr);
  CHECK(memory_usage().same_as(before));
}

RUNNEL_TEST(mm, kmalloc_of_nothing_and_kfree_of_null)
{
  void* nothing = kmalloc(0);
  CHECK(nothing != nullptr);
  kfree(nothing);
  kfree(nullptr);
}

RUNNEL_TEST(mm, kzalloc_clears)
{
  for (const u64 size : {u64{24}, u64{700}, u64{9000}}) {
    u8* dirty = static_cast<u8*>(kmalloc(size));
    REQUIRE(dirty != nullptr);
    std::fill_n(dirty, size, u8{0xff});
    kfree(dirty);
    u8* clean = static_cast<u8*>(kzalloc(size));
    REQUIRE(clean != nullptr);
    CHECK(std::all_of(clean, clean + size, [](u8 byte) { return byte == 0; }));
    kfree(clean);
  }
}

RUNNEL_TEST(mm, objects_are_counted_by_class)
{
  const MemoryUsage before = memory_usage();
  void* objects[100]; // more than a magazine holds
  for (void*& object : objects) object = kmalloc(90);
  const MemoryUsage during = memory_usage();
  const u32 size_class = mm::size_class_of(90);
  CHECK(during.objects[size_class] == before.objects[size_class] + 100);
  CHECK(during.object_count() == before.object_count() + 100);
  CHECK(during.object_bytes() == before.object_bytes() + 100 * 96);
  for (void* object : objects) kfree(object);
  CHECK(memory_usage().same_as(before));
}

RUNNEL_TEST(mm, kmalloc_works_with_interrupts_off)
{
  const IrqGuard irqs_off;
  void* objects[80];
  for (void*& object : objects) object = kmalloc(200);
  for (void* object : objects) {
    CHECK(object != nullptr);
    kfree(object);
  }
  CHECK(!arch::Cpu::irqs_enabled());
}

RUNNEL_TEST(mm, drained_caches_give_their_pages_back)
{
  const PreemptGuard pinned;
  mm::kmalloc_drain_local();
  mm::drain_local_page_cache();
  void* objects[64];
  for (void*& object : objects) object = kmalloc(2048);
  for (void* object : objects) kfree(object);
  const i64 with_caches = mm::slab_pages();
  mm::kmalloc_drain_local();
  CHECK(mm::slab_pages() < with_caches);
}

struct Counted {
  explicit Counted(u32& alive_count) : alive(alive_count) { ++alive; }
  ~Counted() { --alive; }
  u32& alive;
  u64 payload[20] = {};
};
struct alignas(64) Aligned {
  u8 bytes[65];
};
struct Base {
  virtual ~Base() = default;
  u64 a = 1;
};
struct Derived final : Base {
  u64 b[30] = {};
};

RUNNEL_TEST(mm, owners_construct_and_destroy)
{
  u32 alive = 0;
  {
    UniquePtr<Counted> first = make_unique<Counted>(alive);
    REQUIRE(first.get() != nullptr);
    UniquePtr<Counted> second = std::move(first);
    CHECK(!first); // NOLINT(bugprone-use-after-move): empty is the promise
    CHECK(alive == 1);
    second = make_unique<Counted>(alive);
    CHECK(alive == 1);
    kdelete(second.release());
    CHECK(alive == 0);
    second = make_unique<Counted>(alive);
  }
  CHECK(alive == 0);
  Aligned* aligned = knew<Aligned>();
  REQUIRE(aligned != nullptr);
  CHECK(reinterpret_cast<uptr>(aligned) % 64 == 0);
  kdelete(aligned);
  const Base* base = knew<Derived>();
  REQUIRE(base != nullptr);
  delete base; // through the virtual destructor, with the right size class
}

struct Marked {
  u64 size;
  u64 mark;
};

RUNNEL_TEST(mm, kmalloc_storm_with_frees_on_other_cpus, .limit = 20_s)
{
  constexpr u64 kMark = 0x6f62'6a65'6374'6d6b;
  const u32 damaged = test::storm<Marked>(
      600,
      [](test::Random& random) -> Marked* {
        const u64 limit = random.below(50) == 0 ? 20000 : random.below(10) == 0 ? 2048 : 256;
        const u64 size = sizeof(Marked) + 1 + random.below(limit);
        auto* object = static_cast<Marked*>(kmalloc(size));
        if (object == nullptr) return nullptr;
        *object = {size, kMark ^ reinterpret_cast<uptr>(object)};
        reinterpret_cast<u8*>(object)[size - 1] = static_cast<u8>(size * 31 + 7);
        return object;
      },
      [](Marked* object) {
        const bool intact =
            object->mark == (kMark ^ reinterpret_cast<uptr>(object)) &&
            reinterpret_cast<u8*>(object)[object->size - 1] == static_cast<u8>(object->size * 31 + 7);
        kfree(object);
        return intact;
      });
  CHECK(damaged == 0);
}

} // namespace
} // namespace runnel
