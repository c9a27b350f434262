// SPDX-License-Identifier: Apache-2.0
// Slabs: blocks of pages cut into objects of one size class, shared by all CPUs. kmalloc.cpp's per-CPU
// magazines take and give objects in batches.
#pragma once

#include "kernel/lib/list.hpp"
#include "kernel/mm/size_class.hpp"
#include "kernel/sync/spinlock.hpp"

namespace runnel::mm {

/// Head of a slab, in its first bytes.
struct Slab {
  static constexpr u32 kMagic = 0x51ab51ab;
  ListNode node;        // in SlabCache::partial_ while some objects are here
  void* free = nullptr; // chain of objects that are here
  u32 out = 0;          // objects in magazines or in use
  u32 magic = kMagic;
  u32 size_class = 0;
};
static_assert(sizeof(Slab) <= kSlabHead);

/// Objects chained through free_link().
struct ObjectChain {
  void* head = nullptr;
  u32 count = 0;
};

class SlabCache {
 public:
  constexpr SlabCache() = default;
  /// Up to `want` free objects; fewer, down to none, when there are no pages for another slab.
  ObjectChain take(u32 size_class, u32 want) EXCLUDES(lock_);
  /// Takes objects back. Keeps one empty slab, gives the pages of others back.
  void give(ObjectChain chain) EXCLUDES(lock_);
  /// Gives the pages of the empty slab back too.
  void shrink() EXCLUDES(lock_);

 private:
  using SlabList = List<Slab, &Slab::node>;
  Slab* grow(u32 size_class) REQUIRES(lock_);

  SpinLock lock_{LockRank::kKmalloc};
  SlabList partial_ GUARDED_BY(lock_);
  Slab* empty_ GUARDED_BY(lock_) = nullptr;
};

/// The slab a kmalloc() object lies in; nullptr when the address lies in no slab, or (debug) is not the start
/// of an object. Any address may be asked about.
Slab* find_slab(const void* object);
/// The slab that starts at this page, or nullptr.
Slab* slab_at(PhysAddr page);

} // namespace runnel::mm
