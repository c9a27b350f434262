// SPDX-License-Identifier: Apache-2.0
// Order matters: the map is made safe, then pages are taken from it for the page arrays and page tables, then
// what is left goes to the buddy allocator, and only then is the new page table switched on (after which an
// early panic would have no console).
#include "kernel/mm/init.hpp"

#include "kernel/debug/panic.hpp"
#include "kernel/mm/address.hpp"
#include "kernel/mm/kernel_map.hpp"
#include "kernel/mm/page_alloc.hpp"
#include "kernel/mm/page_poison.hpp"

#include <algorithm>
#include <new>

namespace runnel::mm {
namespace {

// What the boot path's page tables reach.
constexpr u64 kEarlyLimit = u64{512} << 30;
constexpr u64 kLowLimit = u64{1} << 20;

constinit MemoryMap map;
constinit PhysAddr trampoline_page{0};
constinit bool zone_ready = false;

alignas(arch::PageTable) constinit std::byte table_storage[sizeof(arch::PageTable)]{};

// Once the zone has the free pages, the map must not give any away.
Result<PhysAddr> take_table_page() {
  if (zone_ready) return alloc_pages_for(PageOwner::kPageTable, 0);
  const std::optional<PhysAddr> page = map.take(kPageSize, kPageSize, kEarlyLimit);
  return page ? Result<PhysAddr>{*page} : err(Errno::kNOMEM);
}

Result<PhysAddr> zeroed_table_page() {
  const Result<PhysAddr> page = take_table_page();
  if (page) std::fill_n(phys_ptr<u64>(*page), kPageSize / sizeof(u64), u64{0});
  return page;
}

void build_map(const boot::BootInfo& info) {
  const u64 image_end = info.kernel_phys_base + static_cast<u64>(__image_end - __image_start);
  const u64 kernel_end = std::max(info.kernel_phys_end, image_end);
  const boot::MemoryRange claims[] = {
      {.base = info.kernel_phys_base,
       .size = kernel_end - info.kernel_phys_base,
       .kind = boot::MemoryKind::kKernel},
      {.base = info.initrd_base, .size = info.initrd_size, .kind = boot::MemoryKind::kBootData},
      {.base = 0, .size = kPageSize, .kind = boot::MemoryKind::kReserved}, // so that 0 is no page's address
  };
  const u32 count = std::min(info.memory_range_count, boot::kMaxMemoryRanges);
  map.build({info.memory, count}, claims, kPhysLimit);
}

// The page arrays, sized by the first and last usable page; holes between cost their share.
void make_page_arrays() {
  u64 base = kPhysLimit;
  u64 end = 0;
  for (const MemorySpan& span : map.spans()) {
    if (span.kind != SpanKind::kUsable) continue;
    base = std::min(base, span.base);
    end = std::max(end, span.end);
  }
  if (base >= end) panic("the memory map has no usable memory");
  const u64 first = align_down(base, kPageSize << kMaxOrder) >> kPageShift;
  const u64 count = (end >> kPageShift) - first;
  const u64 states = align_up(count, sizeof(PageWord));
  const u64 poison = page_poison_bytes(count);
  const u64 bytes = align_up(states + poison + count * sizeof(PageWord), kPageSize);
  const std::optional<PhysAddr> place = map.take(bytes, kPageSize, kEarlyLimit);
  if (!place || count >= kNoPage) panic("no room for {} KiB of page arrays", bytes / 1024);
  u8* memory = phys_ptr<u8>(*place);
  std::fill_n(memory, states + poison, u8{0}); // the words need no clearing: see page.hpp
  page_poison_init(first, count, reinterpret_cast<u64*>(memory + states));
  page_alloc_init(first, count, memory, reinterpret_cast<PageWord*>(memory + states + poison));
}

void build_page_table() {
  const Result<PhysAddr> root = zeroed_table_page();
  if (!root) panic("no memory for page tables");
  auto* table = new (table_storage) arch::PageTable(*root, zeroed_table_page);
  if (const Result<> built = build_kernel_map(*table, map); !built)
    panic("building the kernel's page table failed with error {}", built.error());
  // The rest is complete now; here alone something is mapped later.
  if (!table->share_with_users({arch::kVmapStart}, arch::kVmapSize)) panic("no memory for page tables");
}

} // namespace

void mm_init(const boot::BootInfo& info, const arch::MachineInfo&) {
  set_image_base({info.kernel_phys_base});
  build_map(info);
  if (const auto page = map.take(kPageSize, kPageSize, kLowLimit)) trampoline_page = *page;
  make_page_arrays();
  build_page_table();
  for (const MemorySpan& span : map.spans())
    if (span.kind == SpanKind::kUsable) page_alloc_add(span.base >> kPageShift, span.size() >> kPageShift);
  zone_ready = true;
  arch::mmu_activate(kernel_page_table());
}

arch::PageTable& kernel_page_table() {
  return *std::launder(reinterpret_cast<arch::PageTable*>(table_storage));
}

PhysAddr low_page() { return trampoline_page; }

} // namespace runnel::mm
