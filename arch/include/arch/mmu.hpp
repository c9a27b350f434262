// SPDX-License-Identifier: Apache-2.0
// Page tables of the kernel half. No page can be writable and executable: Prot has no such value.
#pragma once

#include "kernel/lib/errno.hpp"
#include "kernel/lib/types.hpp"

#include <arch/layout.hpp>
#include <optional>

namespace runnel::arch {

enum class Prot : u8 { kRead, kReadWrite, kReadExecute, kDevice /* read-write, uncached */ };

struct Mapping {
  PhysAddr phys;
  Prot prot = Prot::kRead;
  u64 page_size = 0; // of the leaf that maps the address
};

/// Hands out one zeroed page for a table, or kNOMEM.
using TablePageSource = Result<PhysAddr> (*)();

/// A tree of page tables, reached through the direct map. Not locked: callers serialise changes.
class PageTable {
 public:
  PageTable(PhysAddr root, TablePageSource source) : root_(root), source_(source) {}

  /// Maps [virt, virt + size) to phys with the largest pages that alignment allows (4 KiB, 2 MiB, 1 GiB).
  /// All three are multiples of 4 KiB. kEXIST when part is mapped already, kNOMEM without table pages; on
  /// error what had been mapped by this call is unmapped again. No TLB work is needed for new mappings.
  Result<> map(VirtAddr virt, PhysAddr phys, u64 size, Prot prot);
  /// Removes mappings of 4 KiB pages; kINVAL when a larger page covers part only. Does not flush TLBs.
  Result<> unmap(VirtAddr virt, u64 size);
  std::optional<Mapping> query(VirtAddr virt) const;
  PhysAddr root() const { return root_; }

  /// Walks all leaves in address order: `visit(context, virt, mapping, raw_writable, raw_executable)`; the
  /// raw bits are what the hardware would allow, so a test can prove W^X from the tables themselves.
  using Visitor = void (*)(void* context, VirtAddr virt, const Mapping& mapping, bool writable,
                           bool executable);
  void for_each(Visitor visit, void* context) const;

 private:
  PhysAddr root_;
  TablePageSource source_;
};

/// Makes `table` this CPU's kernel page table and turns on what needs it (WP/NX/SMEP/SMAP, or PAN/WXN).
void mmu_activate(const PageTable& table);

/// Whether a flush here reaches the other CPUs without an IPI (aarch64: TLBI broadcast).
extern const bool kTlbFlushBroadcasts;
void tlb_flush_range(VirtAddr virt, u64 size);

} // namespace runnel::arch
