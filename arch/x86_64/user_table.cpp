// SPDX-License-Identifier: Apache-2.0
// Users' page tables: the lower half of a tree whose upper half is the kernel's own.
//
// Address space numbers (PCID) are not used: the emulators this runs on do not have them. Loading CR3 forgets
// every translation but the kernel's, which are global.
#include "arch/x86_64/instructions.hpp"
#include "arch/x86_64/page_entry.hpp"

#include <algorithm>
#include <arch/mmu.hpp>
#include <arch/pages.hpp>

namespace runnel::arch {

using namespace page_entry;

namespace {

constexpr u32 kUserEntries = 256; // of the top level
/// Rights are the leaf's.
constexpr u64 kUserTable = kPresent | kWritable | kUser | kAccessed;

/// Whole: a CPU's walk may read it at any time.
void store_entry(u64& entry, u64 value) { __atomic_store_n(&entry, value, __ATOMIC_RELAXED); }

u64 leaf_of(const UserPage& page) {
  if (page.rights == 0) return page.phys.value | kKept;
  // Accessed and dirty are set so that no CPU ever writes to the tables.
  u64 entry = page.phys.value | kPresent | kUser | kAccessed | kDirty;
  if ((page.rights & kUserWrite) != 0) entry |= kWritable;
  if ((page.rights & kUserWrite) != 0 || (page.rights & kUserExecute) == 0) entry |= kNoExecute;
  return entry;
}

UserPage page_of(u64 entry) {
  UserPage page{target_of(entry, 0), 0};
  if ((entry & kPresent) == 0) return page;
  page.rights = kUserRead;
  if ((entry & kWritable) != 0) page.rights |= kUserWrite;
  if ((entry & kNoExecute) == 0) page.rights |= kUserExecute;
  return page;
}

struct Walk {
  UserTable::Visitor visitor;
  void* context;
  u64 start, end;

  void run(u64* table, u32 level, u64 base) const {
    const u64 shift = level_shift(level);
    const u32 stop = static_cast<u32>(std::min<u64>((end - base + level_size(level) - 1) >> shift, 512));
    u32 index = start > base ? static_cast<u32>((start - base) >> shift) : 0;
    for (; (index = next_used_entry(table, index, stop)) < stop; ++index) {
      u64& entry = table[index];
      const u64 virt = base + (u64{index} << shift);
      if (level > 0) {
        run(table_at(target_of(entry, 0)), level - 1, virt);
        continue;
      }
      UserPage page = page_of(entry);
      switch (visitor(context, VirtAddr{virt}, page)) {
      case LeafAction::kKeep:
        break;
      case LeafAction::kUpdate:
        store_entry(entry, leaf_of(page));
        break;
      case LeafAction::kRemove:
        store_entry(entry, 0);
        break;
      }
    }
  }
};

/// Takes out tables from the leaves up.
struct Unlink {
  UserRange through, room;
  std::span<PhysAddr> gone;
  u32 count = 0;

  bool is_full() const { return count == gone.size(); }
  /// With what is below `table`; `base` is its first address.
  void run(u64* table, u32 level, u64 base) {
    const u64 size = level_size(level);
    u64 index = through.start > base ? (through.start - base) >> level_shift(level) : 0;
    for (; index < 512 && base + index * size < through.end && !is_full(); ++index) {
      const u64 virt = base + index * size;
      if ((table[index] & kPresent) == 0) continue;
      const PhysAddr below = target_of(table[index], 0);
      if (level > 1) run(table_at(below), level - 1, virt);
      if (is_full() || virt < room.start || virt + size > room.end || !is_empty(table_at(below))) continue;
      store_entry(table[index], 0);
      gone[count++] = below;
    }
  }
  static bool is_empty(const u64* table) { return next_used_entry(table, 0, 512) == 512; }
};

void free_tree(u64* table, u32 level, TablePageSink sink, UserTable::LeafSink release) {
  const u32 stop = level == kTopLevel ? kUserEntries : 512;
  for (u32 i = 0; (i = next_used_entry(table, i, stop)) < stop; ++i) {
    const PhysAddr below = target_of(table[i], 0);
    if (level == 0) {
      release(below);
      continue;
    }
    free_tree(table_at(below), level - 1, sink, release);
    sink(below);
  }
}

} // namespace

Result<> UserTable::init(const PageTable& kernel, TablePageSource source, TablePageSink sink) {
  const Result<PhysAddr> root = source();
  if (!root) return err(root.error());
  root_ = *root;
  source_ = source;
  sink_ = sink;
  table_pages_ = 1;
  // Complete since boot: share_with_users().
  std::copy_n(table_at(kernel.root()) + kUserEntries, 512 - kUserEntries, table_at(root_) + kUserEntries);
  return {};
}

void UserTable::destroy(LeafSink release) {
  free_tree(table_at(root_), kTopLevel, sink_, release);
  sink_(root_);
  root_ = {};
  table_pages_ = 0;
}

Result<> UserTable::map(VirtAddr virt, UserPage page, Contents) {
  u64* table = table_at(root_);
  for (u32 level = kTopLevel; level > 0; --level) {
    u64& entry = entry_at(table, level, virt.value);
    if ((entry & kPresent) == 0) {
      const Result<PhysAddr> below = source_();
      if (!below) return err(below.error());
      ++table_pages_;
      store_entry(entry, below->value | kUserTable);
    }
    table = table_at(target_of(entry, 0));
  }
  store_entry(entry_at(table, 0, virt.value), leaf_of(page));
  return {};
}

std::optional<UserPage> UserTable::query(VirtAddr virt) const {
  u64* table = table_at(root_);
  for (u32 level = kTopLevel; level > 0; --level) {
    const u64 entry = entry_at(table, level, virt.value);
    if ((entry & kPresent) == 0) return std::nullopt;
    table = table_at(target_of(entry, 0));
  }
  const u64 entry = entry_at(table, 0, virt.value);
  if (entry == 0) return std::nullopt;
  return page_of(entry);
}

void UserTable::visit(u64 start, u64 end, Visitor visitor, void* context) {
  Walk{visitor, context, start, std::min(end, kUserEnd)}.run(table_at(root_), kTopLevel, 0);
}

u32 UserTable::unlink_tables(UserRange through, UserRange room, std::span<PhysAddr> gone) {
  Unlink unlink{through, room, gone};
  unlink.run(table_at(root_), kTopLevel, 0);
  return unlink.count;
}

void UserTable::free_tables(std::span<const PhysAddr> gone) {
  for (const PhysAddr table : gone) sink_(table);
  table_pages_ -= gone.size();
}

// The caches of tables are emptied with the translations (SDM 4.10.4.1). This CPU may have another tree
// loaded by now, which does no harm.
void UserTable::forget_walks() const { write_cr3(read_cr3()); }

void UserTable::load() const { write_cr3(root_.value); }
void UserTable::unload() { write_cr3(kernel_page_root().value); }
void UserTable::flush() const {} // unload() did

} // namespace runnel::arch
