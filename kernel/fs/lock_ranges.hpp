// SPDX-License-Identifier: Apache-2.0
// Locked ranges of one file (POSIX record locks, spec linux_abi 8): who conflicts with whom, and what is left
// of an owner's locks when he locks or unlocks a part. No locking, no memory of its own.
#pragma once

#include "kernel/lib/errno.hpp"
#include "kernel/lib/list.hpp"

namespace runnel::fs {

/// Bytes first .. last, both within.
struct LockRange {
  static constexpr u64 kToTheEnd = ~u64{0} >> 1; // the last byte any file may have
  u64 first = 0, last = kToTheEnd;

  constexpr bool operator==(const LockRange&) const = default;
  constexpr bool overlaps(const LockRange& o) const { return first <= o.last && o.first <= last; }
  /// Overlaps, or nothing is between them.
  constexpr bool touches(const LockRange& o) const { return first <= o.last + 1 && o.first <= last + 1; }
};

/// `length` bytes from `base` + `start` on: 0: all that come, negative: those before. `base` is not negative.
/// kINVAL: some are before the file's beginning; kOVERFLOW: beyond what files may have.
constexpr Result<LockRange> lock_range(i64 base, i64 start, i64 length) {
  constexpr i64 kMax = static_cast<i64>(LockRange::kToTheEnd);
  if (start > kMax - base) return err(Errno::kOVERFLOW);
  const i64 first = base + start;
  if (first < 0) return err(Errno::kINVAL);
  if (length == 0) return LockRange{static_cast<u64>(first)};
  if (length > 0) {
    if (length - 1 > kMax - first) return err(Errno::kOVERFLOW);
    return LockRange{static_cast<u64>(first), static_cast<u64>(first + (length - 1))};
  }
  if (first + length < 0) return err(Errno::kINVAL);
  return LockRange{static_cast<u64>(first + length), static_cast<u64>(first - 1)};
}

enum class LockKind : u8 { kShared, kExclusive };

/// Who locks: a process by its descriptors, or an open file.
struct LockOwner {
  const void* key = nullptr;
  u32 pid = 0; // to be shown; 0: an open file's
  constexpr bool operator==(const LockOwner& o) const { return key == o.key; }
};

struct RecordLock {
  ListNode node;
  LockOwner owner;
  LockKind kind = LockKind::kShared;
  LockRange range;
};

class LockRanges {
 public:
  using Locks = List<RecordLock, &RecordLock::node>;

  /// The first lock of somebody else that `owner` cannot have this one beside; nullptr: he can.
  const RecordLock* conflict(const LockOwner& owner, LockKind kind, const LockRange& range);
  /// `owner` has exactly this lock on all of `range` from here on. `spare`: at least two unused ones, of
  /// which it takes what it needs; what it needs no more goes there.
  void lock(const LockOwner& owner, LockKind kind, LockRange range, Locks& spare);
  /// `owner` has no lock on any of `range`. `spare` as above, one at least.
  void unlock(const LockOwner& owner, const LockRange& range, Locks& spare);
  bool empty() { return locks_.empty(); }
  Locks& all() { return locks_; } // by first byte

 private:
  void insert(RecordLock& lock);
  void cut(RecordLock& lock, const LockRange& range, Locks& spare);

  Locks locks_;
};

} // namespace runnel::fs
