// SPDX-License-Identifier: Apache-2.0
// Pages that are in the tables already: taken out, moved, given other rights, shared with a child.
#include "kernel/user/mm/mm.hpp"
#include "kernel/user/mm/page_rights.hpp"
#include "kernel/user/mm/tlb_gather.hpp"

namespace runnel::user {

using arch::LeafAction;
using arch::UserPage;

void Mm::flush_all() { flush_user_range(cpus_, 0, kTaskSize); }

void Mm::zap(u64 start, u64 end) {
  u64 counted = 0;
  TlbGather gather(cpus_);
  table_.visit(start, end, [&](VirtAddr virt, const UserPage& page) {
    if (!is_zero_page(page.phys)) ++counted;
    gather.add(virt, page.phys);
    return LeafAction::kRemove;
  });
  resident_ -= counted;
}

void Mm::shrink_tables(u64 start, u64 end) {
  const Vma* below = vmas_.last_below(start);
  const Vma* above = vmas_.find(end);
  // Whole tables within the gap serve nobody, as pages are only in mappings.
  const arch::UserRange gap{below != nullptr ? below->end : 0, above != nullptr ? above->start : ~u64{0}};
  constexpr u32 kBatch = 32;
  PhysAddr tables[kBatch];
  u32 count;
  do {
    count = table_.unlink_tables({start, end}, gap, tables);
    if (count == 0) return;
    flush_user_walks(cpus_, table_);
    table_.free_tables({tables, count});
  } while (count == kBatch);
}

namespace {

/// Moves the leaves of [from, from + size) to `to`. Where it had to stop for want of a table, relative to
/// `from`; nothing when all are moved.
std::optional<u64> move_leaves(arch::UserTable& table, u64 from, u64 size, u64 to) {
  u64 moved = 0;
  bool failed = false;
  table.visit(from, from + size, [&](VirtAddr virt, const UserPage& page) {
    if (failed) return LeafAction::kKeep;
    failed = !table.map({to + (virt.value - from)}, page);
    if (failed) return LeafAction::kKeep;
    moved = virt.value + kPageSize - from;
    return LeafAction::kRemove;
  });
  return failed ? std::optional(moved) : std::nullopt;
}

/// The child's side of a private page: shared until one of them writes.
Result<UserPage> share_leaf(arch::UserTable& child, VirtAddr virt, UserPage page) {
  page.rights &= static_cast<u8>(~arch::kUserWrite);
  if (const Result<> mapped = child.map(virt, page, arch::UserTable::Contents::kMapped); !mapped)
    return err(mapped.error());
  page_get(page.phys);
  return page;
}

} // namespace

Result<> Mm::move_pages(u64 start, u64 size, u64 to) {
  // Within one address space: the old translations lead to the same pages until the flush.
  const std::optional<u64> stopped = move_leaves(table_, start, size, to);
  if (stopped) move_leaves(table_, to, *stopped, start); // the tables for these are there
  flush_user_range(cpus_, start, size);
  if (!stopped) return {};
  flush_user_range(cpus_, to, size);
  return err(Errno::kNOMEM);
}

void Mm::update_rights(const Vma& vma, u64 start, u64 end) {
  bool lost = false;
  table_.visit(start, end, [&](VirtAddr, UserPage& page) {
    const u8 rights = rights_of(vma, page.phys, arch::Access::kNone);
    if (rights == page.rights) return LeafAction::kKeep;
    lost = lost || (page.rights & ~rights) != 0;
    page.rights = rights;
    return LeafAction::kUpdate;
  });
  // What was gained needs none: who still has the old translation faults and is told.
  if (lost) flush_user_range(cpus_, start, end - start);
}

Result<> Mm::copy_pages_to(Mm& child, const Vma& vma) {
  struct Copy {
    arch::UserTable& to;
    u64 pages = 0;
    Result<> result;
  } copy{child.table_, 0, {}};
  table_.visit(vma.start, vma.end, [&copy](VirtAddr virt, UserPage& page) {
    if (!copy.result || is_zero_page(page.phys)) return LeafAction::kKeep;
    const Result<UserPage> shared = share_leaf(copy.to, virt, page);
    if (!shared) {
      copy.result = err(shared.error());
      return LeafAction::kKeep;
    }
    ++copy.pages;
    if (*shared == page) return LeafAction::kKeep;
    page = *shared;
    return LeafAction::kUpdate;
  });
  child.resident_ += copy.pages;
  return copy.result;
}

} // namespace runnel::user
