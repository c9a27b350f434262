// SPDX-License-Identifier: Apache-2.0
// The mappings of one address space: an augmented tree ordered by address. Pure: no pages, no lock; the host
// tests run it against a map of single pages.
#pragma once

#include "kernel/lib/errno.hpp"
#include "kernel/user/mm/vma.hpp"

#include <optional>

namespace runnel::user {

/// Where Vmas come from; take() gives nullptr when memory is out.
struct VmaAllocator {
  Vma* (*take)();
  void (*give)(Vma* vma);
};

class VmaSet {
 public:
  /// `max_count`: Linux's max_map_count; a split beyond it fails.
  constexpr VmaSet(const VmaAllocator& allocator, u32 max_count)
      : allocator_(allocator), max_count_(max_count) {}
  VmaSet(const VmaSet&) = delete;
  VmaSet& operator=(const VmaSet&) = delete;

  u32 count() const { return count_; }
  u32 max_count() const { return max_count_; }
  /// Sum of all sizes, bytes.
  u64 total_size() const { return total_size_; }
  Vma* first() const { return tree_.first(); }
  static Vma* next(const Vma& vma) { return Tree::next(vma); }
  /// The mapping before, or nullptr.
  Vma* previous(const Vma& vma) const { return last_below(vma.start); }
  /// The last that starts below `address`, or nullptr.
  Vma* last_below(u64 address) const;
  /// The first that ends above `address`: the one that contains it, or else the next one.
  Vma* find(u64 address) const;
  /// The one that contains `address`, or nullptr.
  Vma* containing(u64 address) const;
  bool overlaps(u64 start, u64 end) const;
  /// Bytes of [start, end) that are mapped.
  u64 covered(u64 start, u64 end) const;

  /// The highest / lowest free place of `size` bytes in [low, high); both multiples of the page size.
  std::optional<u64> highest_room(u64 size, u64 low, u64 high) const;
  std::optional<u64> lowest_room(u64 size, u64 low, u64 high) const;

  /// Adds a mapping over free room and merges it with neighbours that differ in nothing; `prototype.object`
  /// gets a reference. The mapping that covers it now. kNOMEM: no memory, or max_count are there.
  Result<Vma*> add(const Vma& prototype);
  /// The same, without merging.
  Result<Vma*> add_apart(const Vma& prototype);
  /// Makes `address` no inner address of any mapping. kNOMEM as add().
  Result<> split(u64 address);
  /// Takes out one whole mapping, with its reference to the object.
  void remove(Vma& vma);
  /// Takes out [start, end), splitting what sticks out. kNOMEM: nothing was taken out.
  Result<> remove(u64 start, u64 end);
  /// New flags for a whole mapping, then merges it with its neighbours. The mapping that covers it now.
  Vma& set_flags(Vma& vma, u32 flags);
  /// Moves the bounds into free room, or shrinks; no merging.
  void resize(Vma& vma, u64 start, u64 end);
  /// Merges `vma` with neighbours that differ in nothing.
  Vma& merge(Vma& vma);
  /// Takes all of them out.
  void clear();

  /// Order, no overlap, summaries and counts; for tests.
  bool is_consistent() const;

 private:
  static bool is_before(const Vma& a, const Vma& b) { return a.start < b.start; }
  struct Summary {
    static void update(Vma& vma, const Vma* left, const Vma* right);
  };
  using Tree = RbTree<Vma, &Vma::node, is_before, Summary>;

  Vma* take_copy(const Vma& prototype);
  Result<> split_unlimited(u64 address);
  void insert(Vma& vma);
  void erase(Vma& vma);

  const VmaAllocator& allocator_;
  u32 max_count_;
  u32 count_ = 0;
  u64 total_size_ = 0;
  Tree tree_;
};

} // namespace runnel::user
