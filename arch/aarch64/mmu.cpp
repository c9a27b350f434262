// SPDX-License-Identifier: Apache-2.0
// VMSAv8-64 stage 1 tables of the upper half (TTBR1): 48 bits, 4 KiB granule (Arm ARM D8.3).
#include "arch/aarch64/page_entry.hpp"
#include "arch/aarch64/translation.hpp"

#include <arch/cpu.hpp>
#include <arch/mmu.hpp>

extern "C" void runnel_switch_kernel_root(runnel::u64 root); // startup.S

namespace runnel::arch {

using namespace page_entry;

namespace {

constexpr u64 kFlushAllAbove = 512; // pages; more are not worth one TLBI each

u64 attributes(Prot prot) {
  constexpr u64 kCommon = kValid | kAccessed | kUserExecuteNever;
  constexpr u64 kNormal = kCommon | kNormalMemory | kInnerShareable;
  switch (prot) {
  case Prot::kRead:
    return kNormal | kReadOnly | kPrivilegedExecuteNever;
  case Prot::kReadWrite:
    return kNormal | kPrivilegedExecuteNever;
  case Prot::kReadExecute:
    return kNormal | kReadOnly;
  case Prot::kDevice:
    return kCommon | kDeviceMemory | kPrivilegedExecuteNever;
  }
  return 0;
}

Prot prot_of(u64 entry) {
  if ((entry & kAttributeIndex) == kDeviceMemory) return Prot::kDevice;
  if ((entry & kReadOnly) == 0) return Prot::kReadWrite;
  return (entry & kPrivilegedExecuteNever) == 0 ? Prot::kReadExecute : Prot::kRead;
}

struct Leaf {
  u64* entry; // nullptr: a table on the way is missing
  u32 level;
};

/// The entry that maps `virt`, or the empty one where the walk ends.
Leaf find(PhysAddr root, u64 virt) {
  u64* table = table_at(root);
  for (u32 level = 0;; ++level) {
    u64* entry = &table[index_of(virt, level)];
    if (!is_table(*entry, level)) return {entry, level};
    table = table_at({*entry & kAddressMask});
  }
}

Result<> map_leaf(PhysAddr root, TablePageSource source, u64 virt, u32 leaf_level, u64 leaf) {
  u64* table = table_at(root);
  for (u32 level = 0; level < leaf_level; ++level) {
    u64* entry = &table[index_of(virt, level)];
    if ((*entry & kValid) == 0) {
      const auto page = source();
      if (!page) return err(page.error());
      // Partner: the table walk's dependent read; the zeroed page is there before the entry that leads to it.
      asm volatile("dmb ishst" ::: "memory");
      store_entry(entry, page->value | kValid | kTableOrPage);
    } else if (!is_table(*entry, level)) {
      return err(Errno::kEXIST);
    }
    table = table_at({*entry & kAddressMask});
  }
  u64* entry = &table[index_of(virt, leaf_level)];
  if ((*entry & kValid) != 0) return err(Errno::kEXIST);
  store_entry(entry, leaf);
  return {};
}

void visit_table(u64* table, u32 level, u64 virt, PageTable::Visitor visit, void* context) {
  for (u32 i = 0; i < kEntries; ++i, virt += span_of(level)) {
    const u64 entry = table[i];
    if ((entry & kValid) == 0) continue;
    if (is_table(entry, level)) {
      visit_table(table_at({entry & kAddressMask}), level + 1, virt, visit, context);
      continue;
    }
    const Mapping mapping{{entry & kAddressMask}, prot_of(entry), span_of(level)};
    visit(context, {virt}, mapping, (entry & kReadOnly) == 0, (entry & kPrivilegedExecuteNever) == 0);
  }
}

} // namespace

Result<> PageTable::map(VirtAddr virt, PhysAddr phys, u64 size, Prot prot) {
  if (((virt.value | phys.value | size) & (kPageSize - 1)) != 0 || virt.value < kKernelHalf)
    return err(Errno::kINVAL);
  for (u64 done = 0; done < size;) {
    u32 level = 1;
    while (level < kLevels - 1 && (((virt.value + done) | (phys.value + done)) % span_of(level) != 0 ||
                                   size - done < span_of(level)))
      ++level;
    const u64 leaf = (phys.value + done) | attributes(prot) | (level == kLevels - 1 ? kTableOrPage : 0);
    if (const auto mapped = map_leaf(root_, source_, virt.value + done, level, leaf); !mapped) {
      static_cast<void>(unmap(virt, done)); // whole leaves of this very loop: cannot fail
      return mapped;
    }
    done += span_of(level);
  }
  // Partner: the table walk of this CPU; others walk after they learn of the address through some release.
  asm volatile("dsb ishst\n\tisb" ::: "memory");
  return {};
}

Result<> PageTable::unmap(VirtAddr virt, u64 size) {
  if (((virt.value | size) & (kPageSize - 1)) != 0 || virt.value < kKernelHalf) return err(Errno::kINVAL);
  for (u64 done = 0; done < size;) {
    const Leaf leaf = find(root_, virt.value + done);
    const u64 span = span_of(leaf.level);
    const u64 start = virt.value + done;
    if ((*leaf.entry & kValid) != 0) {
      if (start % span != 0 || size - done < span) return err(Errno::kINVAL);
      store_entry(leaf.entry, 0);
    }
    done = align_down(start, span) + span - virt.value;
  }
  return {};
}

std::optional<Mapping> PageTable::query(VirtAddr virt) const {
  if (virt.value < kKernelHalf) return std::nullopt;
  const Leaf leaf = find(root_, virt.value);
  if ((*leaf.entry & kValid) == 0) return std::nullopt;
  const u64 span = span_of(leaf.level);
  return Mapping{{(*leaf.entry & kAddressMask) + virt.value % span}, prot_of(*leaf.entry), span};
}

void PageTable::for_each(Visitor visit, void* context) const {
  visit_table(table_at(root_), 0, kKernelHalf, visit, context);
}

// Users' tables are trees of their own here.
Result<> PageTable::share_with_users(VirtAddr, u64) { return {}; }

void user_half_off() {
  u64 control;
  asm volatile("mrs %0, tcr_el1" : "=r"(control));
  control |= 1u << 7; // EPD0
  asm volatile("msr tcr_el1, %0\n\tisb\n\ttlbi vmalle1\n\tdsb nsh\n\tisb" ::"r"(control) : "memory");
}

void mmu_activate(const PageTable& table) {
  u64 daif;
  asm volatile("mrs %0, daif\n\tmsr daifset, #0xf" : "=r"(daif)::"memory");
  // The tables are written before the walks that begin here.
  asm volatile("dsb ishst" ::: "memory");
  u64 root;
  asm volatile("mrs %0, ttbr1_el1" : "=r"(root));
  if ((root & kAddressMask) != table.root().value) {
    console_follow(table);
    runnel_switch_kernel_root(table.root().value);
  }
  user_half_off();
  asm volatile("msr daif, %0" ::"r"(daif) : "memory");
}

const bool kTlbFlushBroadcasts = true;

void tlb_flush_range(VirtAddr virt, u64 size) {
  // Partner: the walks of all CPUs; the cleared entries are visible before the first invalidation.
  asm volatile("dsb ishst" ::: "memory");
  if (size >> kPageShift > kFlushAllAbove) {
    asm volatile("tlbi vmalle1is" ::: "memory");
  } else {
    for (u64 at = virt.value; at < virt.value + size; at += kPageSize)
      asm volatile("tlbi vaale1is, %0" ::"r"(at >> kPageShift & 0xfff'ffff'ffff) : "memory");
  }
  asm volatile("dsb ish\n\tisb" ::: "memory");
}

} // namespace runnel::arch
