// SPDX-License-Identifier: Apache-2.0
#include "kernel/user/mm/vma_set.hpp"

#include <algorithm>

namespace runnel::user {
namespace {

constexpr u64 distance(u64 from, u64 to) { return to > from ? to - from : 0; }

/// Whether one mapping could stand for both; `low` ends where `high` starts.
bool are_alike(const Vma& low, const Vma& high) {
  if (low.end != high.start || low.flags != high.flags || low.object != high.object) return false;
  return low.object == nullptr || low.offset + (low.size() >> kPageShift) == high.offset;
}

} // namespace

void VmaSet::Summary::update(Vma& vma, const Vma* left, const Vma* right) {
  const u64 below = vma.guarded_start();
  vma.subtree_start = left != nullptr ? left->subtree_start : below;
  vma.subtree_end = right != nullptr ? right->subtree_end : vma.end;
  vma.subtree_room = 0;
  if (left != nullptr) vma.subtree_room = std::max(left->subtree_room, distance(left->subtree_end, below));
  if (right != nullptr)
    vma.subtree_room =
        std::max({vma.subtree_room, right->subtree_room, distance(vma.end, right->subtree_start)});
}

Vma* VmaSet::last_below(u64 address) const {
  Vma* found = nullptr;
  for (Vma* n = tree_.root(); n != nullptr;) {
    if (n->start < address) {
      found = n;
      n = Tree::right(*n);
    } else {
      n = Tree::left(*n);
    }
  }
  return found;
}

Vma* VmaSet::find(u64 address) const {
  Vma* found = nullptr;
  for (Vma* n = tree_.root(); n != nullptr;) {
    if (n->end > address) {
      found = n;
      n = Tree::left(*n);
    } else {
      n = Tree::right(*n);
    }
  }
  return found;
}

Vma* VmaSet::containing(u64 address) const {
  Vma* vma = find(address);
  return vma != nullptr && vma->start <= address ? vma : nullptr;
}

bool VmaSet::overlaps(u64 start, u64 end) const {
  const Vma* vma = find(start);
  return vma != nullptr && vma->start < end;
}

u64 VmaSet::covered(u64 start, u64 end) const {
  u64 bytes = 0;
  for (const Vma* vma = find(start); vma != nullptr && vma->start < end; vma = next(*vma))
    bytes += std::min(end, vma->end) - std::max(start, vma->start);
  return bytes;
}

namespace {

/// Whether [low, high) with the mappings of the subtree of `n` in it may have `size` free bytes in a row.
bool may_have_room(const Vma& n, u64 size, u64 low, u64 high) {
  return std::max({n.subtree_room, distance(low, std::min(high, n.subtree_start)),
                   distance(std::max(low, n.subtree_end), high)}) >= size;
}

using Child = Vma* (*)(const Vma&);

/// Where the room directly below `n` ends; its guard reaches no further down than that room does.
u64 end_of_room_below(const Vma& n, const Vma* left) {
  return left != nullptr ? std::max(n.guarded_start(), left->subtree_end) : n.guarded_start();
}

/// The highest place in [low, high) around and between the mappings of the subtree of `n`, searched from its
/// top. Depth: that of the tree.
std::optional<u64> highest_in(const Vma* n, u64 size, u64 low, u64 high, Child left, Child right) {
  if (distance(low, high) < size) return std::nullopt;
  if (n == nullptr) return high - size;
  if (!may_have_room(*n, size, low, high)) return std::nullopt;
  if (const auto above = highest_in(right(*n), size, std::max(low, n->end), high, left, right)) return above;
  return highest_in(left(*n), size, low, std::min(high, end_of_room_below(*n, left(*n))), left, right);
}

std::optional<u64> lowest_in(const Vma* n, u64 size, u64 low, u64 high, Child left, Child right) {
  if (distance(low, high) < size) return std::nullopt;
  if (n == nullptr) return low;
  if (!may_have_room(*n, size, low, high)) return std::nullopt;
  if (const auto below =
          lowest_in(left(*n), size, low, std::min(high, end_of_room_below(*n, left(*n))), left, right))
    return below;
  return lowest_in(right(*n), size, std::max(low, n->end), high, left, right);
}

} // namespace

std::optional<u64> VmaSet::highest_room(u64 size, u64 low, u64 high) const {
  return highest_in(tree_.root(), size, low, high, Tree::left, Tree::right);
}

std::optional<u64> VmaSet::lowest_room(u64 size, u64 low, u64 high) const {
  return lowest_in(tree_.root(), size, low, high, Tree::left, Tree::right);
}

Vma* VmaSet::take_copy(const Vma& prototype) {
  Vma* vma = allocator_.take();
  if (vma == nullptr) return nullptr;
  vma->start = prototype.start;
  vma->end = prototype.end;
  vma->flags = prototype.flags;
  vma->object = prototype.object;
  vma->offset = prototype.offset;
  if (vma->object != nullptr) vma->object->get();
  return vma;
}

void VmaSet::insert(Vma& vma) {
  tree_.insert(vma);
  ++count_;
  total_size_ += vma.size();
}

void VmaSet::erase(Vma& vma) {
  tree_.erase(vma);
  --count_;
  total_size_ -= vma.size();
}

Result<Vma*> VmaSet::add(const Vma& prototype) {
  Vma* above = find(prototype.start);
  if (above != nullptr && are_alike(prototype, *above)) {
    resize(*above, prototype.start, above->end);
    return &merge(*above);
  }
  Vma* below = previous(prototype);
  if (below != nullptr && are_alike(*below, prototype)) {
    resize(*below, below->start, prototype.end);
    return below; // not like the one above, or that would have taken it
  }
  return add_apart(prototype);
}

Result<Vma*> VmaSet::add_apart(const Vma& prototype) {
  if (count_ >= max_count_) return err(Errno::kNOMEM);
  Vma* vma = take_copy(prototype);
  if (vma == nullptr) return err(Errno::kNOMEM);
  insert(*vma);
  return vma;
}

Result<> VmaSet::split_unlimited(u64 address) {
  Vma* vma = containing(address);
  if (vma == nullptr || vma->start == address) return {};
  Vma* upper = take_copy(*vma);
  if (upper == nullptr) return err(Errno::kNOMEM);
  upper->start = address;
  if (upper->object != nullptr) upper->offset = vma->index_of(address);
  resize(*vma, vma->start, address);
  insert(*upper);
  return {};
}

Result<> VmaSet::split(u64 address) {
  const Vma* vma = containing(address);
  if (vma == nullptr || vma->start == address) return {};
  if (count_ >= max_count_) return err(Errno::kNOMEM);
  return split_unlimited(address);
}

void VmaSet::remove(Vma& vma) {
  erase(vma);
  if (vma.object != nullptr) vma.object->put();
  allocator_.give(&vma);
}

Result<> VmaSet::remove(u64 start, u64 end) {
  const Vma* around = containing(start);
  // Only a hole inside of one mapping leaves more of them than before.
  if (around != nullptr && around->start < start && around->end > end && count_ >= max_count_)
    return err(Errno::kNOMEM);
  RUNNEL_TRY(split_unlimited(start));
  if (const Result<> cut = split_unlimited(end); !cut) {
    if (Vma* again = containing(start); again != nullptr) merge(*again);
    return cut;
  }
  for (Vma* vma = find(start); vma != nullptr && vma->start < end;) {
    Vma* after = next(*vma);
    remove(*vma);
    vma = after;
  }
  return {};
}

Vma& VmaSet::set_flags(Vma& vma, u32 flags) {
  vma.flags = flags;
  tree_.summary_changed(vma);
  return merge(vma);
}

void VmaSet::resize(Vma& vma, u64 start, u64 end) {
  total_size_ -= vma.size();
  if (vma.object != nullptr)
    vma.offset = start >= vma.start ? vma.offset + ((start - vma.start) >> kPageShift)
                                    : vma.offset - ((vma.start - start) >> kPageShift);
  vma.start = start;
  vma.end = end;
  total_size_ += vma.size();
  tree_.summary_changed(vma);
}

Vma& VmaSet::merge(Vma& vma) {
  if (Vma* above = next(vma); above != nullptr && are_alike(vma, *above)) {
    const u64 end = above->end;
    remove(*above);
    resize(vma, vma.start, end);
  }
  Vma* below = previous(vma);
  if (below == nullptr || !are_alike(*below, vma)) return vma;
  const u64 end = vma.end;
  remove(vma);
  resize(*below, below->start, end);
  return *below;
}

void VmaSet::clear() {
  while (Vma* vma = tree_.first()) remove(*vma);
}

bool VmaSet::is_consistent() const {
  u32 count = 0;
  u64 size = 0;
  u64 low = 0;
  for (const Vma* vma = first(); vma != nullptr; vma = next(*vma)) {
    if (vma->start < low || vma->end <= vma->start || (vma->start | vma->end) % kPageSize != 0) return false;
    low = vma->end;
    ++count;
    size += vma->size();
    Vma again = *vma;
    Summary::update(again, Tree::left(*vma), Tree::right(*vma));
    if (again.subtree_start != vma->subtree_start || again.subtree_end != vma->subtree_end ||
        again.subtree_room != vma->subtree_room)
      return false;
  }
  return count == count_ && size == total_size_;
}

} // namespace runnel::user
