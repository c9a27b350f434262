// SPDX-License-Identifier: Apache-2.0
// Four-level page tables (Intel SDM volume 3, chapter 4.5).
#include "arch/x86_64/instructions.hpp"
#include "arch/x86_64/page_entry.hpp"

#include <arch/cpu.hpp>
#include <arch/mmu.hpp>

namespace runnel::arch {

using namespace page_entry;

namespace {

constexpr u64 kCr4GlobalPages = 1u << 7;

constinit PhysAddr kernel_root{0};

u64 leaf_bits(Prot prot) {
  constexpr u64 kCommon = kPresent | kAccessed | kDirty | kGlobal;
  switch (prot) {
  case Prot::kRead:
    return kCommon | kNoExecute;
  case Prot::kReadWrite:
    return kCommon | kWritable | kNoExecute;
  case Prot::kReadExecute:
    return kCommon;
  case Prot::kDevice:
    break;
  }
  return kCommon | kWritable | kNoExecute | kUncached | kWriteThrough;
}

Prot prot_of(u64 entry) {
  if ((entry & kUncached) != 0) return Prot::kDevice;
  if ((entry & kWritable) != 0) return Prot::kReadWrite;
  return (entry & kNoExecute) != 0 ? Prot::kRead : Prot::kReadExecute;
}

/// Largest level whose page fits: aligned on both sides, not larger than what is left. 1 GiB is the largest.
u32 best_level(u64 virt, u64 phys, u64 size) {
  for (u32 level = 2; level > 0; --level)
    if (((virt | phys) & (level_size(level) - 1)) == 0 && size >= level_size(level)) return level;
  return 0;
}

/// The entry for `virt` at the lowest level not below `level` that can take a leaf: tables on the way are
/// made; a table where a large page would go is entered, so the caller gets a smaller level back than it
/// asked for. kEXIST when a page is mapped there.
struct Slot {
  u64* entry;
  u32 level;
};
Result<Slot> find_slot(PhysAddr root, TablePageSource source, u64 virt, u32 wanted) {
  u64* table = table_at(root);
  for (u32 level = kTopLevel;; --level) {
    u64& entry = entry_at(table, level, virt);
    const bool present = (entry & kPresent) != 0;
    if (present && is_leaf(entry, level)) return err(Errno::kEXIST);
    if (!present && level <= wanted) return Slot{&entry, level};
    if (!present) {
      const Result<PhysAddr> page = source();
      if (!page) return err(page.error());
      entry = page->value | kPresent | kWritable; // permissions are the leaf's
    }
    table = table_at(target_of(entry, 0));
  }
}

} // namespace

Result<> PageTable::map(VirtAddr virt, PhysAddr phys, u64 size, Prot prot) {
  if (((virt.value | phys.value | size) & (kPageSize - 1)) != 0) return err(Errno::kINVAL);
  for (u64 done = 0; done < size;) {
    const u64 v = virt.value + done;
    const u64 p = phys.value + done;
    const Result<Slot> slot = find_slot(root_, source_, v, best_level(v, p, size - done));
    if (!slot) {
      const Result<> undone = unmap(virt, done);
      static_cast<void>(undone); // mapped by this very call, in whole pages
      return err(slot.error());
    }
    *slot->entry = p | leaf_bits(prot) | (slot->level > 0 ? kLarge : 0);
    done += level_size(slot->level);
  }
  return {};
}

Result<> PageTable::unmap(VirtAddr virt, u64 size) {
  if (((virt.value | size) & (kPageSize - 1)) != 0) return err(Errno::kINVAL);
  for (u64 done = 0; done < size;) {
    const u64 v = virt.value + done;
    u64* table = table_at(root_);
    for (u32 level = kTopLevel;; --level) {
      u64& entry = entry_at(table, level, v);
      const u64 page = level_size(level);
      if ((entry & kPresent) == 0) { // a hole: on to what the next entry maps
        done += page - (v & (page - 1));
        break;
      }
      if (is_leaf(entry, level)) {
        if ((v & (page - 1)) != 0 || size - done < page) return err(Errno::kINVAL);
        entry = 0;
        done += page;
        break;
      }
      table = table_at(target_of(entry, 0));
    }
  }
  return {};
}

std::optional<Mapping> PageTable::query(VirtAddr virt) const {
  u64* table = table_at(root_);
  for (u32 level = kTopLevel;; --level) {
    const u64 entry = entry_at(table, level, virt.value);
    if ((entry & kPresent) == 0) return std::nullopt;
    if (is_leaf(entry, level)) {
      const u64 offset = virt.value & (level_size(level) - 1);
      return Mapping{target_of(entry, level) + offset, prot_of(entry), level_size(level)};
    }
    table = table_at(target_of(entry, 0));
  }
}

namespace {

struct Walk {
  PageTable::Visitor visit;
  void* context;

  void run(u64* table, u32 level, u64 base, bool writable, bool executable) const {
    for (u64 i = 0; i < 512; ++i) {
      const u64 entry = table[i];
      if ((entry & kPresent) == 0) continue;
      u64 virt = base + i * level_size(level);
      if (level == kTopLevel && i >= 256) virt |= 0xffff'0000'0000'0000;
      // Every level must allow a thing for the page to have it.
      const bool w = writable && (entry & kWritable) != 0;
      const bool x = executable && (entry & kNoExecute) == 0;
      if (is_leaf(entry, level))
        visit(context, VirtAddr{virt}, {target_of(entry, level), prot_of(entry), level_size(level)}, w, x);
      else
        run(table_at(target_of(entry, 0)), level - 1, virt, w, x);
    }
  }
};

} // namespace

void PageTable::for_each(Visitor visit, void* context) const {
  Walk{visit, context}.run(table_at(root_), kTopLevel, 0, true, true);
}

Result<> PageTable::share_with_users(VirtAddr virt, u64 size) {
  u64* table = table_at(root_);
  for (u64 v = align_down(virt.value, level_size(kTopLevel)); v < virt.value + size;
       v += level_size(kTopLevel)) {
    u64& entry = entry_at(table, kTopLevel, v);
    if ((entry & kPresent) != 0) continue;
    const Result<PhysAddr> page = source_();
    if (!page) return err(page.error());
    entry = page->value | kPresent | kWritable;
  }
  return {};
}

PhysAddr kernel_page_root() { return kernel_root; }

void mmu_activate(const PageTable& table) {
  kernel_root = table.root();
  write_cr4(read_cr4() & ~kCr4GlobalPages); // firmware may have left global entries, which CR3 does not flush
  write_cr3(table.root().value);
  write_cr4(read_cr4() | kCr4GlobalPages);
}

const bool kTlbFlushBroadcasts = false;

void tlb_flush_range(VirtAddr virt, u64 size) {
  constexpr u64 kWholeAbove = 64 * kPageSize; // from here on throwing all away is cheaper
  if (size > kWholeAbove && virt.value < kUserEnd) {
    write_cr3(read_cr3()); // users' translations are not global
    return;
  }
  if (size > kWholeAbove) {
    const u64 cr4 = read_cr4();
    write_cr4(cr4 & ~kCr4GlobalPages); // drops global entries too
    write_cr4(cr4);
    return;
  }
  for (u64 done = 0; done < size; done += kPageSize)
    asm volatile("invlpg (%0)" ::"r"(virt.value + done) : "memory");
}

} // namespace runnel::arch
