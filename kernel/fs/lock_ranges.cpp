// SPDX-License-Identifier: Apache-2.0
#include "kernel/fs/lock_ranges.hpp"

#include <algorithm>

namespace runnel::fs {

const RecordLock* LockRanges::conflict(const LockOwner& owner, LockKind kind, const LockRange& range) {
  for (const RecordLock& lock : locks_)
    if (lock.range.overlaps(range) && lock.owner != owner &&
        (kind == LockKind::kExclusive || lock.kind == LockKind::kExclusive))
      return &lock;
  return nullptr;
}

void LockRanges::insert(RecordLock& lock) {
  for (RecordLock& other : locks_)
    if (lock.range.first < other.range.first) return locks_.insert_before(other, lock);
  locks_.push_back(lock);
}

/// Takes `range` out of an overlapping lock.
void LockRanges::cut(RecordLock& lock, const LockRange& range, Locks& spare) {
  const LockRange whole = lock.range;
  Locks::erase(lock);
  if (range.last < whole.last) {
    RecordLock& rest = *spare.pop_front();
    rest.owner = lock.owner;
    rest.kind = lock.kind;
    rest.range = {range.last + 1, whole.last};
    insert(rest);
  }
  if (whole.first >= range.first) return spare.push_back(lock);
  lock.range.last = range.first - 1;
  insert(lock);
}

void LockRanges::lock(const LockOwner& owner, LockKind kind, LockRange range, Locks& spare) {
  for (auto at = locks_.begin(); at != locks_.end();) {
    RecordLock& lock = *at;
    ++at; // before it may be taken out; what is put in behind it needs no look
    if (lock.owner != owner) continue;
    if (lock.kind == kind && lock.range.touches(range)) {
      range = {std::min(range.first, lock.range.first), std::max(range.last, lock.range.last)};
      Locks::erase(lock);
      spare.push_back(lock);
    } else if (lock.kind != kind && lock.range.overlaps(range)) {
      cut(lock, range, spare);
    }
  }
  RecordLock& fresh = *spare.pop_front();
  fresh.owner = owner;
  fresh.kind = kind;
  fresh.range = range;
  insert(fresh);
}

void LockRanges::unlock(const LockOwner& owner, const LockRange& range, Locks& spare) {
  for (auto at = locks_.begin(); at != locks_.end();) {
    RecordLock& lock = *at;
    ++at;
    if (lock.owner == owner && lock.range.overlaps(range)) cut(lock, range, spare);
  }
}

} // namespace runnel::fs
