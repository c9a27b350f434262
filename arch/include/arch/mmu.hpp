// SPDX-License-Identifier: Apache-2.0
// Page tables: of the kernel half, and of users. No page of the kernel can be writable and executable: Prot
// has no such value. A user's page is one or the other at a time (UserPage).
#pragma once

#include "kernel/lib/errno.hpp"
#include "kernel/lib/types.hpp"

#include <arch/layout.hpp>
#include <arch_impl/user.hpp>
#include <optional>
#include <span>

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
  /// Makes what every user's tables must share for [virt, virt + size) now, so that what is mapped there
  /// later is in all of them. kNOMEM.
  Result<> share_with_users(VirtAddr virt, u64 size);
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

/// Takes a table page back.
using TablePageSink = void (*)(PhysAddr page);

// arch_impl/user.hpp: kUserEnd, the end (exclusive) of the addresses a user may have.

enum UserRight : u8 { kUserRead = 1, kUserWrite = 2, kUserExecute = 4 };

/// A leaf of a user's tables, 4 KiB. The kernel never executes it, and reaches it only as arch/uaccess.hpp
/// says.
struct UserPage {
  PhysAddr phys;
  /// UserRight bits. 0: kept, but every access faults. Any right brings kUserRead with it; kUserWrite and
  /// kUserExecute exclude each other.
  u8 rights = 0;
  bool operator==(const UserPage&) const = default;
};

/// What a visitor wants done with the leaf it was shown.
enum class LeafAction : u8 {
  kKeep,
  kUpdate, // to what the visitor made of it; the page stays the same
  kRemove,
};

/// [start, end)
struct UserRange {
  u64 start = 0, end = 0;
};

/// The tables of one user's half of the address space. Not locked: callers serialise changes; the MMUs of
/// other CPUs may walk them meanwhile. No call flushes TLBs.
class UserTable {
 public:
  constexpr UserTable() = default;
  UserTable(const UserTable&) = delete;
  UserTable& operator=(const UserTable&) = delete;

  /// Empty tables, with `kernel`'s half where the architecture has one tree for both. kNOMEM.
  Result<> init(const PageTable& kernel, TablePageSource source, TablePageSink sink);
  /// Gives every leaf's page to `release`, and all table pages back. No CPU has it loaded, and none has
  /// translations of it.
  using LeafSink = void (*)(PhysAddr page);
  void destroy(LeafSink release);
  bool is_initialised() const { return root_.value != 0; }

  /// Sets the leaf for `virt`. One that is there must have been removed, and flushed, before. kNOMEM: no page
  /// for a table. Executable pages: what was written to them before is what will be fetched; with kMapped
  /// because a leaf with the same rights has seen to it.
  enum class Contents : u8 { kNew, kMapped };
  Result<> map(VirtAddr virt, UserPage page, Contents contents = Contents::kNew);
  std::optional<UserPage> query(VirtAddr virt) const;
  /// Shows all leaves of [start, end) in address order.
  using Visitor = LeafAction (*)(void* context, VirtAddr virt, UserPage& page);
  void visit(u64 start, u64 end, Visitor visitor, void* context);
  template <typename Visit> void visit(u64 start, u64 end, Visit visitor) {
    visit(
        start, end,
        [](void* context, VirtAddr virt, UserPage& page) {
          return (*static_cast<Visit*>(context))(virt, page);
        },
        &visitor);
  }
  /// Takes out empty tables that `through` leads through and whose addresses all lie in `room`, as many as
  /// `gone` has room for; their number. MMUs may still walk them: free_tables() gives them back when every
  /// CPU that has this loaded has done forget_walks().
  u32 unlink_tables(UserRange through, UserRange room, std::span<PhysAddr> gone);
  void free_tables(std::span<const PhysAddr> gone);
  /// Makes this CPU, or all (kTlbFlushBroadcasts), forget all translations of this table and which tables led
  /// to them.
  void forget_walks() const;
  /// Pages the tables themselves take, the root too.
  u64 table_pages() const { return table_pages_; }

  /// Makes this CPU use it; interrupts off. Nothing of the one before stays in the TLB that could be taken
  /// for this one's.
  void load() const;
  /// Makes this CPU use no user's tables: user addresses fault. Interrupts off.
  static void unload();
  /// Forgets all translations of this table, after the last unload(): on this CPU, or on all
  /// (kTlbFlushBroadcasts).
  void flush() const;

 private:
  PhysAddr root_;
  TablePageSource source_ = nullptr;
  TablePageSink sink_ = nullptr;
  u64 table_pages_ = 0;
  [[maybe_unused]] u32 tag_ = 0; // address space number of the TLB, where there is one
};

/// Makes `table` this CPU's kernel page table and turns on what needs it (WP/NX/SMEP/SMAP, or PAN/WXN).
void mmu_activate(const PageTable& table);

/// Whether a flush here reaches the other CPUs without an IPI (aarch64: TLBI broadcast).
extern const bool kTlbFlushBroadcasts;
void tlb_flush_range(VirtAddr virt, u64 size);

} // namespace runnel::arch
