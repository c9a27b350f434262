// SPDX-License-Identifier: Apache-2.0
// Stacks with their guards, and that what was unmapped is gone on every CPU.
#include "kernel/mm/init.hpp"
#include "kernel/mm/usage.hpp"
#include "kernel/mm/vmap.hpp"
#include "tests/target/threads.hpp"

#include <arch/irqchip.hpp>
#include <arch/upcalls.hpp>

namespace runnel {
namespace {

volatile u8* byte_at(VirtAddr address) { return reinterpret_cast<volatile u8*>(address.value); }

RUNNEL_TEST(mm, stacks_have_their_shape)
{
  const auto top = stack_alloc();
  REQUIRE(top.has_value());
  CHECK(top->value % arch::kStackSlot == 0);
  for (u64 offset = 1; offset <= arch::kStackSize; offset += kPageSize)
    CHECK(kernel_page_table().query({top->value - offset}).has_value());
  for (u64 offset = arch::kStackSize + 1; offset <= arch::kStackSlot; offset += kPageSize)
    CHECK(!kernel_page_table().query({top->value - offset}).has_value());
  const MemoryUsage during = memory_usage();
  stack_free(*top);
  CHECK(memory_usage().stacks == during.stacks - 1); // cached, but not in use
}

RUNNEL_TEST(mm, write_below_a_stack_faults)
{
  // The guard of the stack the faulting thread itself runs on, first and last byte.
  static constinit u64 touched = 0;
  for (const u64 offset : {arch::kStackSize + 1, arch::kStackSlot}) {
    const auto fault = test::faults([offset] {
      touched = current_task().stack_top.value - offset;
      *byte_at({touched}) = 1;
    });
    REQUIRE(fault.has_value());
    CHECK(fault->kind == arch::FaultKind::kPage);
    CHECK(fault->access == arch::Access::kWrite);
    CHECK(!fault->present);
    CHECK(fault->address == touched);
  }
}

RUNNEL_TEST(mm, freed_stacks_are_used_again)
{
  const auto first = stack_alloc();
  REQUIRE(first.has_value());
  const u64 cached = mm::vmap_stats().stacks_cached;
  stack_free(*first);
  CHECK(mm::vmap_stats().stacks_cached == cached + 1);
  const auto second = stack_alloc();
  REQUIRE(second.has_value());
  CHECK(mm::vmap_stats().stacks_cached <= cached);
  stack_free(*second);
}

// Leaves the slot's translation in every CPU's TLB, unmaps it, and touches it again everywhere.
RUNNEL_TEST(mm, unmapped_stacks_are_gone_on_every_cpu, .limit = 10_s)
{
  // Stacks for the threads below, so that none of them is mapped where the unmapped one was.
  constexpr u32 kSpare = 3 * kMaxCpus;
  VirtAddr spare[kSpare];
  const u32 nr_spare = 3 * online_cpus().count();
  for (u32 i = 0; i < nr_spare; ++i) {
    const auto stack = stack_alloc();
    REQUIRE(stack.has_value());
    spare[i] = *stack;
  }
  const auto top = stack_alloc();
  REQUIRE(top.has_value());
  const VirtAddr address{top->value - 8};
  test::run_on_each_cpu([&](u32) { *byte_at(address) = 1; });
  stack_free(*top);
  *byte_at(address) = 2; // still mapped: freed stacks are kept
  mm::stack_trim(0);
  CHECK(!kernel_page_table().query(address).has_value());
  for (u32 i = 0; i < nr_spare; ++i) stack_free(spare[i]);
  std::atomic<u32> faulted{0};
  test::run_on_each_cpu([&](u32) {
    const auto fault = test::faults([&] { *byte_at(address) = 3; });
    if (fault && fault->kind == arch::FaultKind::kPage && fault->address == address.value)
      faulted.fetch_add(1);
  });
  CHECK(faulted.load() == online_cpus().count());
}

RUNNEL_TEST(mm, many_stacks_are_distinct_and_trimmed, .limit = 5_s)
{
  const MemoryUsage before = memory_usage();
  constexpr u32 kMany = 150;
  VirtAddr tops[kMany];
  for (u32 i = 0; i < kMany; ++i) {
    const auto top = stack_alloc();
    REQUIRE(top.has_value());
    tops[i] = *top;
    *byte_at({top->value - 1}) = static_cast<u8>(i);
    *byte_at({top->value - arch::kStackSize}) = static_cast<u8>(i);
  }
  CHECK(memory_usage().stacks == before.stacks + kMany);
  u32 wrong = 0;
  for (u32 i = 0; i < kMany; ++i) {
    if (*byte_at({tops[i].value - 1}) != i || *byte_at({tops[i].value - arch::kStackSize}) != i) ++wrong;
    stack_free(tops[i]);
  }
  CHECK(wrong == 0u);
  CHECK(mm::vmap_stats().stacks_cached >= kMany);
  mm::stack_trim(10);
  CHECK(mm::vmap_stats().stacks_cached <= 10);
  CHECK(memory_usage().same_as(before));
}

RUNNEL_TEST(mm, device_registers_are_mapped_once_and_uncached)
{
  const PhysAddr device{machine_info().gicd_base != 0 ? machine_info().gicd_base
                                                      : machine_info().local_apic_base};
  void* first = upcall::map_device(device, kPageSize);
  const u64 pages = mm::vmap_stats().device_pages;
  CHECK(upcall::map_device(device, kPageSize) == first);
  CHECK(upcall::map_device(device + 0x10, 4) == static_cast<u8*>(first) + 0x10);
  CHECK(mm::vmap_stats().device_pages == pages);
  const auto mapping = kernel_page_table().query({reinterpret_cast<u64>(first)});
  REQUIRE(mapping.has_value());
  CHECK(mapping->prot == arch::Prot::kDevice);
  CHECK(mapping->phys == device);
}

} // namespace
} // namespace runnel
