// SPDX-License-Identifier: Apache-2.0
// Page tables as arch/mmu.hpp promises them, on a tree of its own that no CPU walks.
#include "kernel/mm/address.hpp"
#include "kernel/mm/page_alloc.hpp"
#include "kernel/test/test.hpp"

#include <algorithm>
#include <arch/mmu.hpp>

namespace runnel {
namespace {

using arch::PageTable;
using arch::Prot;

constexpr u64 k2MiB = u64{2} << 20;
constexpr u64 k1GiB = u64{1} << 30;
constexpr VirtAddr kBase{arch::kVmapStart + (u64{1} << 40)}; // aligned to 1 GiB and more
constexpr PhysAddr kPhys{u64{64} << 30};                     // never accessed

/// Pages for tables, given back together; more than `limit` are refused.
class Pages {
 public:
  explicit Pages(u32 limit) {
    limit_ = limit;
    count_ = 0;
  }
  ~Pages() {
    for (u32 i = 0; i < count_; ++i) free_pages(pages_[i], 0);
  }
  Pages(const Pages&) = delete;
  Pages& operator=(const Pages&) = delete;

  static Result<PhysAddr> take() {
    if (count_ == limit_) return err(Errno::kNOMEM);
    const Result<PhysAddr> page = alloc_pages(0);
    if (!page) return page;
    std::fill_n(mm::phys_ptr<u64>(*page), kPageSize / sizeof(u64), u64{0});
    return pages_[count_++] = *page;
  }
  u32 count() const { return count_; }

 private:
  static constexpr u32 kMost = 16;
  static constinit inline PhysAddr pages_[kMost] = {};
  static constinit inline u32 count_ = 0, limit_ = 0;
};

struct Leaves {
  u32 count = 0;
  u32 unordered = 0;
  u32 writable_and_executable = 0;
  u64 end = 0;
  u64 bytes = 0;

  static Leaves of(const PageTable& table) {
    Leaves leaves;
    table.for_each(
        [](void* context, VirtAddr virt, const arch::Mapping& mapping, bool writable, bool executable) {
          auto& self = *static_cast<Leaves*>(context);
          ++self.count;
          if (virt.value < self.end) ++self.unordered;
          if (writable && executable) ++self.writable_and_executable;
          self.end = virt.value + mapping.page_size;
          self.bytes += mapping.page_size;
        },
        &leaves);
    return leaves;
  }
};

void check_mapping(const PageTable& table, u64 offset, u64 page_size, Prot prot) {
  const auto mapping = table.query(kBase + offset);
  REQUIRE(mapping.has_value());
  CHECK(mapping->phys == kPhys + offset);
  CHECK(mapping->page_size == page_size);
  CHECK(mapping->prot == prot);
}

RUNNEL_TEST(arch_mmu, largest_pages_that_fit)
{
  Pages pages(16);
  const Result<PhysAddr> root = Pages::take();
  REQUIRE(root.has_value());
  PageTable table(*root, Pages::take);
  const u64 size = k1GiB + k2MiB + kPageSize;
  REQUIRE(table.map(kBase, kPhys, size, Prot::kReadWrite).has_value());
  check_mapping(table, 0, k1GiB, Prot::kReadWrite);
  check_mapping(table, k1GiB - 1, k1GiB, Prot::kReadWrite);
  check_mapping(table, k1GiB + 8, k2MiB, Prot::kReadWrite);
  check_mapping(table, k1GiB + k2MiB + 5, kPageSize, Prot::kReadWrite);
  CHECK(!table.query(kBase + size).has_value());
  const Leaves leaves = Leaves::of(table);
  CHECK(leaves.count == 3u);
  CHECK(leaves.bytes == size);
  CHECK(leaves.unordered == 0u);
}

RUNNEL_TEST(arch_mmu, both_addresses_decide_the_page_size)
{
  Pages pages(16);
  const Result<PhysAddr> root = Pages::take();
  REQUIRE(root.has_value());
  PageTable table(*root, Pages::take);
  REQUIRE(table.map(kBase, kPhys + kPageSize, k2MiB, Prot::kRead).has_value());
  CHECK(Leaves::of(table).count == k2MiB / kPageSize);
  REQUIRE(table.map(kBase + k1GiB, kPhys + k2MiB, k1GiB, Prot::kRead).has_value());
  CHECK(Leaves::of(table).count == k2MiB / kPageSize + k1GiB / k2MiB);
}

RUNNEL_TEST(arch_mmu, protections_come_back_and_none_is_writable_and_executable)
{
  Pages pages(16);
  const Result<PhysAddr> root = Pages::take();
  REQUIRE(root.has_value());
  PageTable table(*root, Pages::take);
  constexpr Prot kAll[] = {Prot::kRead, Prot::kReadWrite, Prot::kReadExecute, Prot::kDevice};
  u64 offset = 0;
  for (const Prot prot : kAll) {
    REQUIRE(table.map(kBase + offset, kPhys + offset, kPageSize, prot).has_value());
    check_mapping(table, offset, kPageSize, prot);
    offset += kPageSize;
  }
  const Leaves leaves = Leaves::of(table);
  CHECK(leaves.count == 4u);
  CHECK(leaves.writable_and_executable == 0u);
}

RUNNEL_TEST(arch_mmu, mapping_over_a_page_is_undone)
{
  Pages pages(16);
  const Result<PhysAddr> root = Pages::take();
  REQUIRE(root.has_value());
  PageTable table(*root, Pages::take);
  const u64 hole = 3 * kPageSize;
  REQUIRE(table.map(kBase + hole, kPhys, kPageSize, Prot::kRead).has_value());
  CHECK(table.map(kBase, kPhys, hole + 2 * kPageSize, Prot::kReadWrite) == err(Errno::kEXIST));
  CHECK(Leaves::of(table).count == 1u);
  const auto kept = table.query(kBase + hole);
  REQUIRE(kept.has_value());
  CHECK(kept->phys == kPhys);
  // A large page that would swallow the small one.
  CHECK(table.map(kBase, kPhys, k2MiB, Prot::kReadWrite) == err(Errno::kEXIST));
  CHECK(Leaves::of(table).count == 1u);
}

RUNNEL_TEST(arch_mmu, without_memory_nothing_stays_mapped)
{
  Pages pages(5); // the root and one way down, and a table for the next 2 MiB
  const Result<PhysAddr> root = Pages::take();
  REQUIRE(root.has_value());
  PageTable table(*root, Pages::take);
  CHECK(table.map(kBase + kPageSize, kPhys, 2 * k2MiB, Prot::kRead) == err(Errno::kNOMEM));
  CHECK(pages.count() == 5u);
  CHECK(Leaves::of(table).count == 0u);
}

RUNNEL_TEST(arch_mmu, unmapping)
{
  Pages pages(16);
  const Result<PhysAddr> root = Pages::take();
  REQUIRE(root.has_value());
  PageTable table(*root, Pages::take);
  REQUIRE(table.map(kBase, kPhys, 4 * kPageSize, Prot::kRead).has_value());
  CHECK(table.unmap(kBase + kPageSize, kPageSize).has_value());
  CHECK(!table.query(kBase + kPageSize).has_value());
  CHECK(Leaves::of(table).count == 3u);
  CHECK(table.unmap(kBase, 4 * kPageSize).has_value()); // holes do not matter
  CHECK(Leaves::of(table).count == 0u);
  REQUIRE(table.map(kBase + k1GiB, kPhys, k2MiB, Prot::kRead).has_value());
  CHECK(table.unmap(kBase + k1GiB + kPageSize, kPageSize) == err(Errno::kINVAL)); // part of a large page
  CHECK(table.query(kBase + k1GiB).has_value());
}

RUNNEL_TEST(arch_mmu, crooked_addresses_are_refused)
{
  Pages pages(16);
  const Result<PhysAddr> root = Pages::take();
  REQUIRE(root.has_value());
  PageTable table(*root, Pages::take);
  CHECK(table.map(kBase + 8, kPhys, kPageSize, Prot::kRead) == err(Errno::kINVAL));
  CHECK(table.map(kBase, kPhys + 8, kPageSize, Prot::kRead) == err(Errno::kINVAL));
  CHECK(table.map(kBase, kPhys, 8, Prot::kRead) == err(Errno::kINVAL));
  CHECK(table.unmap(kBase + 8, kPageSize) == err(Errno::kINVAL));
  CHECK(Leaves::of(table).count == 0u);
  CHECK(pages.count() == 1u);
}

} // namespace
} // namespace runnel
