// SPDX-License-Identifier: Apache-2.0
// What the kernel keeps about each page of RAM: one state byte and one word, in two arrays indexed by page
// number minus the first managed page. The word means something only as the state says, so only the bytes are
// cleared at boot.
#pragma once

#include "kernel/lib/types.hpp"

namespace runnel::mm {

/// Blocks are 2^order pages, order 0 .. kMaxOrder (4 MiB).
inline constexpr u32 kMaxOrder = 10;
inline constexpr u32 kNrOrders = kMaxOrder + 1;
/// No page: an index that is never valid.
inline constexpr u32 kNoPage = ~u32{0};

/// Whom a block was handed to; what memory_usage() and the `memory` command tell apart.
enum class PageOwner : u8 {
  kNone,      // not handed out
  kCached,    // in a per-CPU page cache
  kDirect,    // alloc_pages()
  kSlab,      // backs kmalloc() objects
  kLarge,     // one kmalloc() object that is larger than every size class
  kStack,     // thread stacks, cached ones too
  kPageTable, // the kernel's page tables
  kUser,      // memory of user programs, counted in `user.refs`
  kUserTable, // their page tables
};
inline constexpr u32 kNrPageOwners = 9;

union PageWord {
  /// First page of a free block: neighbours in its free list, as indices.
  struct {
    u32 prev, next;
  } link;
  /// Pages of a block that is handed out. `owner` shares its byte with the top of `link.next`.
  struct {
    u32 next_cached; // kCached: next page of the per-CPU cache
    u8 size_class;   // kSlab
    u8 head_offset;  // kSlab: pages back to the slab's first page
    u8 order;        // kLarge
    PageOwner owner;
  } tag;
  /// kUser. `owner` lies where that of `tag` does.
  struct {
    u32 refs; // atomic
    u8 unused[3];
    PageOwner owner;
  } user;
};
static_assert(sizeof(PageWord) == 8);

} // namespace runnel::mm
