// SPDX-License-Identifier: Apache-2.0
#include "kernel/mm/address.hpp"
#include "kernel/mm/kmalloc.hpp"
#include "kernel/mm/page_alloc.hpp"
#include "kernel/mm/page_poison.hpp"
#include "kernel/mm/usage.hpp"
#include "kernel/sync/guards.hpp"
#include "tests/target/mm_hook.hpp"
#include "tests/target/mm_storm.hpp"

namespace runnel {
namespace {

RUNNEL_TEST(mm, pages_of_every_order_are_aligned_and_writable, .limit = 2_s)
{
  for (u32 order = 0; order <= mm::kMaxOrder; ++order) {
    const auto block = alloc_pages(order);
    REQUIRE(block.has_value());
    CHECK(block->value % (kPageSize << order) == 0);
    u64* words = mm::phys_ptr<u64>(*block);
    const u64 last = (kPageSize << order) / sizeof(u64) - 1;
    words[0] = order;
    words[last] = ~u64{order};
    CHECK(words[0] == order);
    CHECK(words[last] == ~u64{order});
    free_pages(*block, order);
  }
  CHECK(alloc_pages(mm::kMaxOrder + 1).error() == Errno::kINVAL);
}

RUNNEL_TEST(mm, pages_are_counted_exactly)
{
  const MemoryUsage before = memory_usage();
  const auto one = alloc_pages(0);
  const auto eight = alloc_pages(3);
  REQUIRE(one.has_value());
  REQUIRE(eight.has_value());
  CHECK(memory_usage().pages == before.pages + 9);
  free_pages(*one, 0);
  CHECK(memory_usage().pages == before.pages + 8);
  free_pages(*eight, 3);
  CHECK(memory_usage().same_as(before));
}

RUNNEL_TEST(mm, pages_come_with_interrupts_off)
{
  const IrqGuard irqs_off;
  for (u32 i = 0; i < 100; ++i) { // more than one refill
    const auto page = alloc_pages(0);
    REQUIRE(page.has_value());
    free_pages(*page, 0);
  }
  CHECK(!arch::Cpu::irqs_enabled());
}

RUNNEL_TEST(mm, freed_pages_join_again)
{
  mm::drain_local_page_cache();
  const u64 before = mm::page_stats().free;
  constexpr u32 kPages = 200;
  PhysAddr pages[kPages];
  for (PhysAddr& page : pages) {
    const auto got = alloc_pages(0);
    REQUIRE(got.has_value());
    page = *got;
  }
  for (u32 i = 0; i < kPages; i += 2) free_pages(pages[i], 0);
  for (u32 i = 1; i < kPages; i += 2) free_pages(pages[i], 0);
  mm::drain_local_page_cache();
  CHECK(mm::page_stats().free == before);
}

RUNNEL_TEST(mm, wrong_page_frees_are_named)
{
  test::CorruptionTrap trap;
  const auto page = alloc_pages(0);
  const auto block = alloc_pages(2);
  REQUIRE(page.has_value());
  REQUIRE(block.has_value());
  const MemoryUsage before = memory_usage();

  free_pages(*block, 1);
  CHECK(trap.what() == "allocated with another order");
  free_pages(*block + kPageSize, 0);
  CHECK(trap.what() == "already free or never allocated");
  free_pages(*block + 8, 2);
  CHECK(trap.what() == "not the address of a page");
  CHECK(trap.take_count() == 3);
  free_pages(PhysAddr{mm::kPhysLimit - kPageSize}, 0);
  CHECK(trap.what() == "not a page of RAM the allocator manages");
  CHECK(trap.take_count() == 1);
  mm::free_pages_for(mm::PageOwner::kStack, *page, 0);
  CHECK(trap.what() == "page freed through the wrong function");
  CHECK(trap.take_count() == 1);
  CHECK(memory_usage().same_as(before)); // none of it did anything

  free_pages(*page, 0);
  free_pages(*page, 0);
  CHECK(trap.what() == "page freed twice");
  CHECK(trap.last().address == mm::phys_ptr(*page));
  free_pages(*block, 2);
  CHECK(trap.take_count() == 1);
  free_pages(*block, 2);
  CHECK(trap.what() == "already free or never allocated");
  CHECK(trap.last().size == 4 * kPageSize);
}

RUNNEL_TEST(mm, write_to_a_free_page_is_found)
{
  if (!mm::kPagePoisoning) return test::skip("release images do not poison");
  const PreemptGuard pinned; // the page comes back from this CPU's cache
  test::CorruptionTrap trap;
  const auto page = alloc_pages(0);
  REQUIRE(page.has_value());
  free_pages(*page, 0);
  mm::phys_ptr<u8>(*page)[1234] ^= 1;
  const auto again = alloc_pages(0);
  REQUIRE(again.has_value());
  CHECK(*again == *page);
  CHECK(trap.take_count() == 1);
  CHECK(trap.what() == "write to a free page");
  CHECK(trap.last().offset == align_down(1234, 8));
  free_pages(*again, 0);
}

struct MarkedPage {
  u64 mark;
  u64 order;
};

RUNNEL_TEST(mm, page_storm_with_frees_on_other_cpus, .limit = 20_s)
{
  constexpr u64 kMark = 0x7061'6765'6d61'726b;
  const u32 damaged = test::storm<MarkedPage>(
      400,
      [](test::Random& random) -> MarkedPage* {
        const u32 order = random.below(4) == 0 ? static_cast<u32>(random.below(4)) : 0;
        const auto block = alloc_pages(order);
        if (!block) return nullptr;
        for (u64 i = 0; i < u64{1} << order; ++i)
          *mm::phys_ptr<MarkedPage>(*block + i * kPageSize) = {kMark ^ (block->value + i), order};
        return mm::phys_ptr<MarkedPage>(*block);
      },
      [](MarkedPage* page) {
        const PhysAddr block = mm::virt_to_phys(page);
        const u32 order = static_cast<u32>(page->order);
        bool intact = order <= 3;
        for (u64 i = 0; intact && i < u64{1} << order; ++i) {
          const MarkedPage& part = *mm::phys_ptr<MarkedPage>(block + i * kPageSize);
          intact = part.mark == (kMark ^ (block.value + i)) && part.order == order;
        }
        if (intact) free_pages(block, order);
        return intact;
      });
  CHECK(damaged == 0);
}

} // namespace
} // namespace runnel
