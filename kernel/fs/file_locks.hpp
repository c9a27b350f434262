// SPDX-License-Identifier: Apache-2.0
// Advisory locks of files: record locks (fcntl) of a process or of an open file, and flock()'s. They bind
// only those who ask. Thread context, no spinlock held; a wait ends with kRESTARTSYS when a signal comes.
#pragma once

#include "kernel/fs/lock_ranges.hpp"
#include "kernel/lib/errno.hpp"

#include <optional>

namespace runnel::fs {

class File;
class FileLocks;

enum class LockWait : u8 { kNo, kYes };

/// Locks `range` for `owner`, in place of what it had there. kAGAIN: somebody else's is in the way; kDEADLK:
/// and waits, perhaps through others, for this owner (a process: pid is not 0); kNOLCK: no memory.
Result<> lock_record(File& file, const LockOwner& owner, LockKind kind, const LockRange& range,
                     LockWait wait);
/// kNOLCK: no memory to keep what is left on both sides.
Result<> unlock_record(File& file, const LockOwner& owner, const LockRange& range);

struct LockFound {
  LockOwner owner;
  LockKind kind;
  LockRange range;
};
/// The first lock that lock_record() would be refused for.
std::optional<LockFound> find_conflict(File& file, const LockOwner& owner, LockKind kind,
                                       const LockRange& range);
/// The first of the owner's own within the range.
std::optional<LockFound> find_own(File& file, const LockOwner& owner, const LockRange& range);

/// flock(): the open file's lock on the whole. Another kind than it has: that one is given up first. kAGAIN,
/// kNOLCK.
Result<> lock_whole(File& file, LockKind kind, LockWait wait);
void unlock_whole(File& file);

/// Gives up all of `owner`'s: the process closes a descriptor of the file, or the open file ends.
void release_locks(File& file, const void* owner);
} // namespace runnel::fs
