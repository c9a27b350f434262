// SPDX-License-Identifier: Apache-2.0
// Every kind of damage is done on purpose and must be named, with the address and the size class.
#include "kernel/mm/debug_object.hpp"
#include "kernel/mm/kmalloc.hpp"
#include "kernel/mm/usage.hpp"
#include "kernel/mm/vmap.hpp"
#include "kernel/sync/guards.hpp"
#include "kernel/test/test.hpp"
#include "tests/target/mm_hook.hpp"

namespace runnel {
namespace {

bool skipped_in_release() {
  if (!mm::kObjectChecks) test::skip("release images do not check objects");
  return !mm::kObjectChecks;
}

// A write the compiler knows nothing about.
void poke(void* base, i64 offset, u8 value) { *(static_cast<volatile u8*>(base) + offset) = value; }

RUNNEL_TEST(mm, write_past_the_end_is_found)
{
  if (skipped_in_release()) return;
  test::CorruptionTrap trap;
  void* object = kmalloc(100);
  REQUIRE(object != nullptr);
  poke(object, 100, 0); // inside the class (128), outside of what was asked for
  kfree(object);
  CHECK(trap.take_count() == 1);
  CHECK(trap.what() == "write past the end");
  CHECK(trap.last().address == object);
  CHECK(trap.last().size == 128);
  CHECK(trap.last().offset == 100);
  CHECK(trap.last().allocated_by != 0);
  poke(object, 100, 0xbb); // mended, it can be freed
  kfree(object);
  CHECK(trap.take_count() == 0);
}

RUNNEL_TEST(mm, write_past_the_end_of_pages_is_found)
{
  if (skipped_in_release()) return;
  test::CorruptionTrap trap;
  void* object = kmalloc(5000);
  REQUIRE(object != nullptr);
  poke(object, 5003, 0);
  kfree(object);
  CHECK(trap.take_count() == 1);
  CHECK(trap.what() == "write past the end");
  CHECK(trap.last().offset == 5003);
}

RUNNEL_TEST(mm, write_before_the_start_is_found)
{
  if (skipped_in_release()) return;
  test::CorruptionTrap trap;
  void* object = kmalloc(64);
  REQUIRE(object != nullptr);
  const u8 before = *(static_cast<u8*>(object) - 1);
  poke(object, -1, static_cast<u8>(~before));
  kfree(object);
  CHECK(trap.take_count() == 1);
  CHECK(trap.what() == "write before the start");
  CHECK(trap.last().address == object);
  poke(object, -1, before);
  kfree(object);
  CHECK(trap.take_count() == 0);
}

RUNNEL_TEST(mm, double_free_is_found)
{
  if (skipped_in_release()) return;
  const PreemptGuard pinned; // nobody else gets the object in between
  test::CorruptionTrap trap;
  void* object = kmalloc(300);
  REQUIRE(object != nullptr);
  kfree(object);
  kfree(object);
  CHECK(trap.take_count() == 1);
  CHECK(trap.what() == "double free");
  CHECK(trap.last().address == object);
  CHECK(trap.last().size == 384);
  CHECK(trap.last().freed_by != 0);
}

RUNNEL_TEST(mm, double_free_of_pages_is_found)
{
  const PreemptGuard pinned;
  test::CorruptionTrap trap;
  void* object = kmalloc(3 * kPageSize);
  REQUIRE(object != nullptr);
  kfree(object);
  kfree(object);
  CHECK(trap.take_count() == 1);
  CHECK(trap.what() == "kfree of an address that kmalloc did not return");
}

RUNNEL_TEST(mm, write_after_free_is_found)
{
  if (skipped_in_release()) return;
  const PreemptGuard pinned; // the object comes back from this CPU's magazine
  test::CorruptionTrap trap;
  void* object = kmalloc(40);
  REQUIRE(object != nullptr);
  kfree(object);
  poke(object, 33, 0);
  void* other = kmalloc(40); // finds it, keeps it out of circulation, and takes another
  CHECK(trap.take_count() == 1);
  CHECK(trap.what() == "write after free");
  CHECK(trap.last().address == object);
  CHECK(trap.last().offset == 33);
  CHECK(other != object);
  kfree(other);
  // Mended and put back by hand, so that this test leaks nothing.
  poke(object, 33, 0x6b);
  CHECK(mm::object_take(object, mm::size_class_of(40), 40, 0));
  kfree(object);
  CHECK(trap.take_count() == 0);
}

constinit u64 static_object = 0;

RUNNEL_TEST(mm, kfree_of_what_is_not_an_object_is_found)
{
  if (skipped_in_release()) return;
  test::CorruptionTrap trap;
  const char* expected = "kfree of an address that kmalloc did not return";
  u64 on_stack = 0;
  u8* object = static_cast<u8*>(kmalloc(256));
  REQUIRE(object != nullptr);
  void* const wrong[] = {&on_stack, &static_object, object + 8, object + 256,
                         reinterpret_cast<void*>(uptr{16})};
  for (void* address : wrong) {
    kfree(address);
    CHECK(trap.take_count() == 1);
    CHECK(trap.what() == expected);
    CHECK(trap.last().address == address);
  }
  kfree(object);
  CHECK(trap.take_count() == 0);
}

RUNNEL_TEST(mm, stack_free_of_what_is_not_a_stack_is_found)
{
  test::CorruptionTrap trap;
  const auto top = stack_alloc();
  REQUIRE(top.has_value());
  stack_free(*top + 16);
  stack_free({0});
  CHECK(trap.take_count() == 2);
  stack_free(*top);
  CHECK(trap.take_count() == 0);
}

RUNNEL_TEST(mm, leaks_are_named)
{
  const MemoryUsage before = memory_usage();
  void* leak = kmalloc(77);
  REQUIRE(leak != nullptr);
  const MemoryUsage after = memory_usage();
  CHECK(!after.same_as(before));
  char text[400];
  BufferSink difference(text);
  mm::describe_difference(difference, before, after, "# ");
  CHECK(difference.view() == "# kmalloc-96: 1 objects more\n");
  BufferSink leaks(text);
  mm::describe_leaks(leaks, before, "# ", 4);
  if (mm::kObjectChecks)
    CHECK(leaks.view().starts_with("# 77 bytes at 0xffff8"));
  else
    CHECK(leaks.view() == "");
  BufferSink none(text);
  mm::describe_leaks(none, after, "# ", 4); // nothing since then
  CHECK(none.view() == "");
  kfree(leak);
  CHECK(memory_usage().same_as(before));
}

} // namespace
} // namespace runnel
