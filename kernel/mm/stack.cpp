// SPDX-License-Identifier: Apache-2.0
// Thread stacks. A slot is taken or free in a bitmap; a freed stack stays mapped and its slot taken, chained
// through its lowest word, so that making a thread costs no page-table work.
#include "kernel/debug/panic.hpp"
#include "kernel/mm/corruption.hpp"
#include "kernel/mm/init.hpp"
#include "kernel/mm/page_alloc.hpp"
#include "kernel/mm/tlb.hpp"
#include "kernel/mm/vmap.hpp"
#include "kernel/mm/vmap_lock.hpp"

#include <array>
#include <bit>

namespace runnel::mm {

constinit SpinLock vmap_lock{LockRank::kVmap};

namespace {

constexpr u32 kStackOrder = arch::kStackShift - kPageShift;
constexpr u32 kKeepCached = 64; // above that stack_alloc() trims
constexpr u32 kTrimBatch = 16;

struct Cached { // in the lowest bytes of a cached stack
  Cached* next;
};

constinit std::array<u64, kMaxStacks / 64> slots GUARDED_BY(vmap_lock){};
constinit u32 first_maybe_free GUARDED_BY(vmap_lock) = 0; // word of `slots`; all before it are full
constinit Cached* cached GUARDED_BY(vmap_lock) = nullptr;
constinit u64 nr_cached GUARDED_BY(vmap_lock) = 0;
constinit u64 nr_in_use GUARDED_BY(vmap_lock) = 0;

VirtAddr bottom_of(u32 slot) { return {kStackArea + slot * arch::kStackSlot + arch::kStackSize}; }
u32 slot_of(VirtAddr bottom) { return static_cast<u32>((bottom.value - kStackArea) / arch::kStackSlot); }

std::optional<u32> take_slot() REQUIRES(vmap_lock) {
  for (u32& word = first_maybe_free; word < slots.size(); ++word) {
    if (slots[word] == ~u64{0}) continue;
    const u32 bit = static_cast<u32>(std::countr_one(slots[word]));
    slots[word] |= u64{1} << bit;
    return word * 64 + bit;
  }
  return std::nullopt;
}

void give_slot(u32 slot) REQUIRES(vmap_lock) {
  slots[slot / 64] &= ~(u64{1} << (slot % 64));
  first_maybe_free = std::min(first_maybe_free, slot / 64);
}

Cached* pop_cached() REQUIRES(vmap_lock) {
  Cached* stack = cached;
  if (stack == nullptr) return nullptr;
  cached = stack->next;
  --nr_cached;
  return stack;
}

Result<VirtAddr> map_new_stack() REQUIRES(vmap_lock) {
  const std::optional<u32> slot = take_slot();
  if (!slot) return err(Errno::kNOSPC);
  const Result<PhysAddr> block = alloc_pages_for(PageOwner::kStack, kStackOrder);
  if (!block) {
    give_slot(*slot);
    return err(block.error());
  }
  const VirtAddr bottom = bottom_of(*slot);
  if (const auto mapped = kernel_page_table().map(bottom, *block, arch::kStackSize, arch::Prot::kReadWrite);
      !mapped) {
    free_pages_for(PageOwner::kStack, *block, kStackOrder);
    give_slot(*slot);
    return err(mapped.error());
  }
  return bottom;
}

bool is_stack_in_use(VirtAddr top) REQUIRES(vmap_lock) {
  const u64 offset = top.value - kStackArea;
  if (offset == 0 || offset % arch::kStackSlot != 0 || offset / arch::kStackSlot > kMaxStacks) return false;
  const u32 slot = slot_of({top.value - arch::kStackSize});
  return (slots[slot / 64] >> (slot % 64) & 1) != 0;
}

bool may_wait() { return arch::Cpu::irqs_enabled() && arch::Cpu::current()->preempt_count == 0; }

// Unmaps up to a batch of cached stacks while more than `keep` are left; false when there was nothing to do.
bool trim_batch(u32 keep) {
  std::array<VirtRange, kTrimBatch> ranges;
  std::array<PhysAddr, kTrimBatch> blocks;
  u32 count = 0;
  {
    const IrqSpinGuard guard(vmap_lock);
    while (count < kTrimBatch && nr_cached > keep) {
      const VirtAddr bottom{reinterpret_cast<u64>(pop_cached())};
      const auto mapping = kernel_page_table().query(bottom);
      RUNNEL_BUG_ON(!mapping);
      RUNNEL_BUG_ON(!kernel_page_table().unmap(bottom, arch::kStackSize));
      ranges[count] = {.base = bottom, .size = arch::kStackSize};
      blocks[count++] = mapping->phys;
    }
  }
  if (count == 0) return false;
  tlb_shootdown({ranges.data(), count});
  const IrqSpinGuard guard(vmap_lock);
  for (u32 i = 0; i < count; ++i) {
    free_pages_for(PageOwner::kStack, blocks[i], kStackOrder);
    give_slot(slot_of(ranges[i].base));
  }
  return true;
}

} // namespace

Result<VirtAddr> stack_alloc() {
  Result<VirtAddr> bottom;
  bool too_many = false;
  {
    const IrqSpinGuard guard(vmap_lock);
    if (Cached* stack = pop_cached())
      bottom = VirtAddr{reinterpret_cast<u64>(stack)};
    else
      bottom = map_new_stack();
    if (bottom) ++nr_in_use;
    too_many = nr_cached > kKeepCached;
  }
  if (too_many && may_wait()) trim_batch(kKeepCached);
  if (!bottom) return bottom;
  return *bottom + arch::kStackSize;
}

void stack_free(VirtAddr top) {
  const IrqSpinGuard guard(vmap_lock);
  if (!is_stack_in_use(top)) {
    report_corruption(
        {.what = "stack_free of what is no stack", .address = reinterpret_cast<const void*>(top.value)});
    return;
  }
  auto* stack = reinterpret_cast<Cached*>(top.value - arch::kStackSize);
  stack->next = cached;
  cached = stack;
  ++nr_cached;
  --nr_in_use;
}

void stack_trim(u32 keep) {
  while (trim_batch(keep)) {
  }
}

VmapStats vmap_stats() {
  const IrqSpinGuard guard(vmap_lock);
  return {.stacks_in_use = nr_in_use, .stacks_cached = nr_cached, .device_pages = device_pages()};
}

} // namespace runnel::mm
