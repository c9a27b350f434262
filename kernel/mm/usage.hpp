// SPDX-License-Identifier: Apache-2.0
// Who has how much memory, exactly: a test takes a snapshot before and after and asks for the difference.
// What caches hold (pages and objects of a CPU, freed stacks, empty slabs) is free, not in use; page tables
// of the kernel and device mappings, which are never given back, are left out.
#pragma once

#include "kernel/lib/format.hpp"
#include "kernel/mm/size_class.hpp"

namespace runnel::mm {

struct MemoryUsage {
  u64 total_bytes = 0; // RAM the allocators were given at boot
  i64 pages = 0;       // from alloc_pages()
  i64 large_pages = 0; // under kmalloc() objects beyond the size classes
  i64 user_pages = 0;  // of user programs, shared ones once
  i64 user_tables = 0; // pages of their page tables
  i64 objects[kNrSizeClasses] = {};
  i64 stacks = 0;
  u32 epoch = 0; // debug images: kmalloc() objects made from now on carry a larger or equal number

  /// Same amounts in use.
  bool same_as(const MemoryUsage& other) const;
  i64 object_bytes() const;
  i64 object_count() const;
};

/// Exact when nobody allocates or frees meanwhile.
MemoryUsage memory_usage();
/// Pages under kmalloc() objects, in use or not.
i64 slab_pages();

/// One line for each amount that differs ("kmalloc-64: 3 objects more (192 bytes)"), each beginning with
/// `prefix` and ending with a newline; nothing when they are the same.
void describe_difference(Sink& sink, const MemoryUsage& before, const MemoryUsage& after,
                         std::string_view prefix);

/// Debug images: up to `max` objects in use that were allocated after `before` was taken, one line each with
/// size and the code that allocated it ("64 bytes at 0x..., allocated by 0x..."). Nothing in release. Walks
/// all pages.
void describe_leaks(Sink& sink, const MemoryUsage& before, std::string_view prefix, u32 max);

/// Everything, for people: the shell's `memory` command.
void mm_describe(Sink& sink);

} // namespace runnel::mm

namespace runnel {
using mm::memory_usage;
using mm::MemoryUsage;
} // namespace runnel
