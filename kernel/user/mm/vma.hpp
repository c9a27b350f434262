// SPDX-License-Identifier: Apache-2.0
// One stretch of a user's address space whose pages have the same rights and come from the same place. Pure.
#pragma once

#include "kernel/lib/rbtree.hpp"
#include "kernel/user/mm/vm_object.hpp"

namespace runnel::user {

/// What a mapping is; bits of Vma::flags. Rights are Linux's VM_READ.. and VM_MAYREAD..: what it has now, and
/// what mprotect() may give it.
enum VmFlag : u32 {
  kVmRead = 1u << 0,
  kVmWrite = 1u << 1,
  kVmExec = 1u << 2,
  kVmShared = 1u << 3, // writes go to the object
  kVmMayRead = 1u << 4,
  kVmMayWrite = 1u << 5,
  kVmMayExec = 1u << 6,
  kVmGrowsDown = 1u << 8, // a fault shortly below extends it
  kVmStack = 1u << 9,     // the initial thread's stack
  kVmHeap = 1u << 10,     // made by brk()
  kVmNoReserve = 1u << 11,
  kVmDontFork = 1u << 12,
  kVmWipeOnFork = 1u << 13,
};
inline constexpr u32 kVmRights = kVmRead | kVmWrite | kVmExec;
inline constexpr u32 kVmMayShift = 4; // kVmRead << kVmMayShift == kVmMayRead

/// Kept free below a mapping that grows down: nothing is placed there unless asked for by address.
inline constexpr u64 kStackGuardGap = 256 * kPageSize;

struct Vma {
  u64 start = 0; // multiples of the page size; not empty
  u64 end = 0;
  u32 flags = 0;
  VmObject* object = nullptr; // nullptr: private anonymous memory. Holds a reference.
  u64 offset = 0;             // of `start` in the object, in pages; 0 without one

  // VmaSet's: the tree, and of the subtree its extent and the largest room between two neighbours in it.
  RbNode node;
  u64 subtree_start = 0;
  u64 subtree_end = 0;
  u64 subtree_room = 0;

  u64 size() const { return end - start; }
  bool contains(u64 address) const { return address >= start && address < end; }
  bool has(u32 all) const { return (flags & all) == all; }
  bool is_private() const { return (flags & kVmShared) == 0; }
  /// Page of the object at `address`.
  u64 index_of(u64 address) const { return offset + ((address - start) >> kPageShift); }
  /// Where the room below it ends.
  u64 guarded_start() const {
    if ((flags & kVmGrowsDown) == 0) return start;
    return start > kStackGuardGap ? start - kStackGuardGap : 0;
  }
};

} // namespace runnel::user
