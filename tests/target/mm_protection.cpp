// SPDX-License-Identifier: Apache-2.0
// W^X, shown twice: from the page tables themselves, and by the fault.
#include "kernel/mm/address.hpp"
#include "kernel/mm/init.hpp"
#include "kernel/mm/kernel_map.hpp"
#include "kernel/mm/kmalloc.hpp"
#include "kernel/mm/usage.hpp"
#include "kernel/test/test.hpp"

#include <string_view>

namespace runnel {
namespace {

constexpr u64 k2MiB = u64{2} << 20;

struct Leaves {
  u64 writable_and_executable = 0;
  u64 small_in_direct_map = 0; // 4 KiB leaves
  u64 large_bytes = 0;         // direct map bytes in leaves of 2 MiB and more
  u64 direct_bytes = 0;
  u64 text_phys = 0, text_end = 0; // what is executable, physically
  u64 executable_elsewhere = 0;
  u64 writable_aliases_of_text = 0;
};

void first_pass(void* context, VirtAddr virt, const arch::Mapping& mapping, bool writable, bool executable) {
  Leaves& leaves = *static_cast<Leaves*>(context);
  if (writable && executable) ++leaves.writable_and_executable;
  if (executable) {
    const bool in_text = virt.value >= reinterpret_cast<u64>(mm::__text_start) &&
                         virt.value < reinterpret_cast<u64>(mm::__text_end);
    if (!in_text) ++leaves.executable_elsewhere;
  }
  if (virt.value >= arch::kDirectMap && virt.value < arch::kVmapStart) {
    leaves.direct_bytes += mapping.page_size;
    if (mapping.page_size >= k2MiB)
      leaves.large_bytes += mapping.page_size;
    else
      ++leaves.small_in_direct_map;
  }
}

void second_pass(void* context, VirtAddr, const arch::Mapping& mapping, bool writable, bool) {
  Leaves& leaves = *static_cast<Leaves*>(context);
  const bool overlaps =
      mapping.phys.value < leaves.text_end && leaves.text_phys < mapping.phys.value + mapping.page_size;
  if (writable && overlaps) ++leaves.writable_aliases_of_text;
}

RUNNEL_TEST(mm, no_mapping_is_writable_and_executable, .limit = 5_s)
{
  Leaves leaves;
  leaves.text_phys = mm::virt_to_phys(mm::__text_start).value;
  leaves.text_end = leaves.text_phys + static_cast<u64>(mm::__rodata_end - mm::__text_start);
  kernel_page_table().for_each(first_pass, &leaves);
  kernel_page_table().for_each(second_pass, &leaves);
  CHECK(leaves.writable_and_executable == 0u);
  CHECK(leaves.executable_elsewhere == 0u);
  CHECK(leaves.writable_aliases_of_text == 0u);
}

RUNNEL_TEST(mm, direct_map_is_made_of_large_pages, .limit = 5_s)
{
  Leaves leaves;
  kernel_page_table().for_each(first_pass, &leaves);
  CHECK(leaves.direct_bytes >= memory_usage().total_bytes);
  // Small pages only at the edges of ranges: for the 256 MiB of a small machine that is under a tenth.
  CHECK(leaves.large_bytes > leaves.direct_bytes / 10 * 9);
  test::note("{} MiB of {} MiB in large pages, {} small pages", leaves.large_bytes >> 20,
             leaves.direct_bytes >> 20, leaves.small_in_direct_map);
}

std::optional<arch::Fault> fault_of_write(const void* address) {
  return test::faults([address] { *static_cast<volatile u8*>(const_cast<void*>(address)) = 0xc3; });
}

constexpr u64 kConstant[4] = {1, 2, 3, 4};

void check_write_fault(const std::optional<arch::Fault>& fault, const void* address) {
  REQUIRE(fault.has_value());
  CHECK(fault->kind == arch::FaultKind::kPage);
  CHECK(fault->access == arch::Access::kWrite);
  CHECK(fault->present);
  CHECK(fault->address == reinterpret_cast<u64>(address));
}

RUNNEL_TEST(mm, write_to_read_only_data_faults)
{
  const void* address = &kConstant[1];
  check_write_fault(fault_of_write(address), address);
  const void* alias = mm::phys_ptr(mm::virt_to_phys(address));
  check_write_fault(fault_of_write(alias), alias);
  const u64 still = *static_cast<const volatile u64*>(address);
  CHECK(still == 2u);
}

RUNNEL_TEST(mm, write_to_code_faults)
{
  const void* address = mm::__text_start + 64;
  check_write_fault(fault_of_write(address), address);
  const void* alias = mm::phys_ptr(mm::virt_to_phys(address));
  check_write_fault(fault_of_write(alias), alias);
}

constinit u64 some_data[4] = {};

void check_execute_fault(const void* address) {
  const auto fault =
      test::faults([address] { reinterpret_cast<void (*)()>(reinterpret_cast<uptr>(address))(); });
  REQUIRE(fault.has_value());
  CHECK(fault->kind == arch::FaultKind::kPage);
  CHECK(fault->access == arch::Access::kExecute);
  CHECK(fault->address == reinterpret_cast<u64>(address));
}

RUNNEL_TEST(mm, executing_data_faults)
{
  check_execute_fault(some_data);
  check_execute_fault(kConstant);
  void* object = kmalloc(64);
  REQUIRE(object != nullptr);
  check_execute_fault(object);
  kfree(object);
  u64 on_stack[2] = {};
  check_execute_fault(on_stack);
  check_execute_fault(mm::phys_ptr(mm::virt_to_phys(mm::__text_start))); // code, but through the direct map
}

RUNNEL_TEST(mm, unmapped_addresses_fault)
{
  for (const u64 address : {u64{8}, arch::kDirectMap + (u64{1} << 45), arch::kVmapStart + arch::kVmapSize}) {
    const auto fault =
        test::faults([address] { static_cast<void>(*reinterpret_cast<volatile u8*>(address)); });
    REQUIRE(fault.has_value());
    CHECK(fault->kind == arch::FaultKind::kPage);
    CHECK(fault->access == arch::Access::kRead);
    CHECK(!fault->present);
    CHECK(fault->address == address);
  }
}

RUNNEL_TEST(mm, the_trampoline_page_is_low, .arch = test::TestArch::kX86_64)
{
  CHECK(low_page().value >= kPageSize);
  CHECK(low_page().value < u64{1} << 20);
}

RUNNEL_TEST(mm, describe_shows_the_allocators)
{
  char text[3000];
  BufferSink sink(text);
  mm::mm_describe(sink);
  CHECK(!sink.truncated());
  for (const std::string_view part : {"memory: ", "free blocks: 4K:", "stacks: ", "kmalloc-"})
    CHECK(sink.view().find(part) != std::string_view::npos);
}

} // namespace
} // namespace runnel
