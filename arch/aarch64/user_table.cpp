// SPDX-License-Identifier: Apache-2.0
// Users' page tables: trees of their own under TTBR0. Each has an address space number (ASID) that its
// translations carry, as long as there are numbers left; those without share number 0, whose translations a
// CPU forgets whenever it leaves such a tree.
#include "arch/aarch64/page_entry.hpp"

#include <algorithm>
#include <arch/mmu.hpp>
#include <arch/pages.hpp>
#include <atomic>
#include <bit>

namespace runnel::arch {

using namespace page_entry;

namespace {

constexpr u64 kNoUserWalks = 1u << 7; // EPD0 of TCR_EL1
constexpr u32 kTagShift = 48;         // ASID in TTBR0

// 8 bits, which every CPU has. Bit 0 of the first word is the number that is shared.
constinit std::atomic<u64> tags_in_use[4] = {1, 0, 0, 0};

u32 take_tag() {
  for (u32 i = 0; i < 4; ++i) {
    u64 word = tags_in_use[i].load(std::memory_order_relaxed);
    while (~word != 0) {
      const u32 bit = static_cast<u32>(std::countr_one(word));
      if (tags_in_use[i].compare_exchange_weak(word, word | u64{1} << bit, std::memory_order_acquire,
                                               std::memory_order_relaxed))
        return i * 64 + bit;
    }
  }
  return 0;
}

/// After a flush on all CPUs; release: pairs with take_tag's acquire.
void give_tag(u32 tag) {
  if (tag != 0) tags_in_use[tag / 64].fetch_and(~(u64{1} << tag % 64), std::memory_order_release);
}

u64 leaf_of(const UserPage& page) {
  if (page.rights == 0) return page.phys.value | kKept;
  u64 entry = page.phys.value | kValid | kTableOrPage | kNormalMemory | kInnerShareable | kAccessed |
              kNotGlobal | kUserAccess | kPrivilegedExecuteNever;
  if ((page.rights & kUserWrite) == 0) entry |= kReadOnly;
  // With WXN a writable page would not be executable anyway.
  if ((page.rights & kUserWrite) != 0 || (page.rights & kUserExecute) == 0) entry |= kUserExecuteNever;
  return entry;
}

UserPage page_of(u64 entry) {
  UserPage page{{entry & kAddressMask}, 0};
  if ((entry & kValid) == 0) return page;
  page.rights = kUserRead;
  if ((entry & kReadOnly) == 0) page.rights |= kUserWrite;
  if ((entry & kUserExecuteNever) == 0) page.rights |= kUserExecute;
  return page;
}

/// Makes the page's contents what instruction fetches of all CPUs see (Arm ARM B2.7.4).
void make_fetchable(PhysAddr phys) {
  u64 cache_type;
  asm volatile("mrs %0, ctr_el0" : "=r"(cache_type));
  const bool data_is_unified = (cache_type & 1u << 28) != 0;           // IDC
  const bool instructions_are_coherent = (cache_type & 1u << 29) != 0; // DIC
  if (!data_is_unified) {
    const u64 line = u64{4} << (cache_type >> 16 & 0xf);
    const u64 base = reinterpret_cast<u64>(phys_to_virt(phys));
    for (u64 at = base; at < base + kPageSize; at += line) asm volatile("dc cvau, %0" ::"r"(at) : "memory");
  }
  asm volatile("dsb ish" ::: "memory");
  if (!instructions_are_coherent) asm volatile("ic ialluis\n\tdsb ish" ::: "memory");
}

void store_leaf(u64* entry, const UserPage& page, u8 rights_before) {
  if ((page.rights & kUserExecute) != 0 && (rights_before & kUserExecute) == 0) make_fetchable(page.phys);
  store_entry(entry, leaf_of(page));
}

struct Walk {
  UserTable::Visitor visitor;
  void* context;
  u64 start, end;

  void run(u64* table, u32 level, u64 base) const {
    const u32 shift = shift_of(level);
    const u32 stop = static_cast<u32>(std::min<u64>((end - base + span_of(level) - 1) >> shift, kEntries));
    u32 index = start > base ? static_cast<u32>((start - base) >> shift) : 0;
    for (; (index = next_used_entry(table, index, stop)) < stop; ++index) {
      u64* entry = &table[index];
      const u64 virt = base + (u64{index} << shift);
      if (is_table(*entry, level)) {
        run(table_at({*entry & kAddressMask}), level + 1, virt);
        continue;
      }
      const UserPage before = page_of(*entry);
      UserPage page = before;
      switch (visitor(context, VirtAddr{virt}, page)) {
      case LeafAction::kKeep:
        break;
      case LeafAction::kUpdate:
        store_leaf(entry, page, before.rights);
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
    const u64 span = span_of(level);
    u64 index = through.start > base ? (through.start - base) / span : 0;
    for (; index < kEntries && base + index * span < through.end && !is_full(); ++index) {
      const u64 virt = base + index * span;
      if (!is_table(table[index], level)) continue;
      const PhysAddr below{table[index] & kAddressMask};
      if (level + 2 < kLevels) run(table_at(below), level + 1, virt);
      if (is_full() || virt < room.start || virt + span > room.end || !is_empty(table_at(below))) continue;
      store_entry(&table[index], 0);
      gone[count++] = below;
    }
  }
  static bool is_empty(const u64* table) { return next_used_entry(table, 0, kEntries) == kEntries; }
};

void free_tree(u64* table, u32 level, TablePageSink sink, UserTable::LeafSink release) {
  for (u32 i = 0; (i = next_used_entry(table, i, kEntries)) < kEntries; ++i) {
    const PhysAddr below{table[i] & kAddressMask};
    if (!is_table(table[i], level)) {
      release(below);
      continue;
    }
    free_tree(table_at(below), level + 1, sink, release);
    sink(below);
  }
}

u64 translation_control() {
  u64 value;
  asm volatile("mrs %0, tcr_el1" : "=r"(value));
  return value;
}

void set_user_root(u64 root) { asm volatile("msr ttbr0_el1, %0\n\tisb" ::"r"(root) : "memory"); }

/// Whether this CPU walks a tree without a number of its own.
bool uses_shared_tag(u64 control) {
  u64 root;
  asm volatile("mrs %0, ttbr0_el1" : "=r"(root));
  return (control & kNoUserWalks) == 0 && root >> kTagShift == 0;
}

void forget_shared_tag() { asm volatile("tlbi aside1, xzr\n\tdsb nsh\n\tisb" ::: "memory"); }

} // namespace

Result<> UserTable::init(const PageTable&, TablePageSource source, TablePageSink sink) {
  const Result<PhysAddr> root = source();
  if (!root) return err(root.error());
  root_ = *root;
  source_ = source;
  sink_ = sink;
  table_pages_ = 1;
  tag_ = take_tag();
  return {};
}

void UserTable::destroy(LeafSink release) {
  free_tree(table_at(root_), 0, sink_, release);
  sink_(root_);
  give_tag(tag_);
  root_ = {};
  table_pages_ = 0;
}

Result<> UserTable::map(VirtAddr virt, UserPage page, Contents contents) {
  u64* table = table_at(root_);
  for (u32 level = 0; level < kLevels - 1; ++level) {
    u64* entry = &table[index_of(virt.value, level)];
    if (!is_table(*entry, level)) {
      const Result<PhysAddr> below = source_();
      if (!below) return err(below.error());
      ++table_pages_;
      // Partner: the table walk's dependent read; the zeroed page is there before the entry that leads to it.
      asm volatile("dmb ishst" ::: "memory");
      store_entry(entry, below->value | kValid | kTableOrPage);
    }
    table = table_at({*entry & kAddressMask});
  }
  // The page's contents are there before it can be reached.
  asm volatile("dmb ishst" ::: "memory");
  store_leaf(&table[index_of(virt.value, kLevels - 1)], page,
             contents == Contents::kMapped ? page.rights : 0);
  // Partner: the walks of this CPU. Others that walk too early fault once more.
  asm volatile("dsb ishst\n\tisb" ::: "memory");
  return {};
}

std::optional<UserPage> UserTable::query(VirtAddr virt) const {
  u64* table = table_at(root_);
  for (u32 level = 0; level < kLevels - 1; ++level) {
    const u64 entry = table[index_of(virt.value, level)];
    if (!is_table(entry, level)) return std::nullopt;
    table = table_at({entry & kAddressMask});
  }
  const u64 entry = table[index_of(virt.value, kLevels - 1)];
  if (entry == 0) return std::nullopt;
  return page_of(entry);
}

void UserTable::visit(u64 start, u64 end, Visitor visitor, void* context) {
  Walk{visitor, context, start, std::min(end, kUserEnd)}.run(table_at(root_), 0, 0);
}

u32 UserTable::unlink_tables(UserRange through, UserRange room, std::span<PhysAddr> gone) {
  Unlink unlink{through, room, gone};
  unlink.run(table_at(root_), 0, 0);
  return unlink.count;
}

void UserTable::free_tables(std::span<const PhysAddr> gone) {
  for (const PhysAddr table : gone) sink_(table);
  table_pages_ -= gone.size();
}

// By number, not by address: the invalidations by address that changed leaves need leave the upper levels be.
void UserTable::forget_walks() const {
  // Partner: the walks of all CPUs, as in tlb_flush_range().
  asm volatile("dsb ishst\n\ttlbi aside1is, %0\n\tdsb ish\n\tisb" ::"r"(u64{tag_} << kTagShift) : "memory");
}

void UserTable::load() const {
  const u64 control = translation_control();
  const bool leaves_shared = uses_shared_tag(control);
  set_user_root(root_.value | u64{tag_} << kTagShift);
  if (leaves_shared) forget_shared_tag();
  if ((control & kNoUserWalks) != 0)
    asm volatile("msr tcr_el1, %0\n\tisb" ::"r"(control & ~kNoUserWalks) : "memory");
}

void UserTable::unload() {
  const u64 control = translation_control();
  const bool leaves_shared = uses_shared_tag(control);
  asm volatile("msr tcr_el1, %0\n\tisb" ::"r"(control | kNoUserWalks) : "memory");
  set_user_root(0); // translations of the old number are not hit any more; those of 0 are forgotten
  if (leaves_shared) forget_shared_tag();
}

void UserTable::flush() const {
  if (tag_ != 0) forget_walks(); // else unload() did, on each CPU
}

} // namespace runnel::arch
