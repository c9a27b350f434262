// SPDX-License-Identifier: Apache-2.0
// Locks of files: fcntl's record locks, flock.
#include "kernel/fs/file_locks.hpp"
#include "kernel/user/file/call_support.hpp"
#include "kernel/user/file/calls.hpp"
#include "kernel/user/file/record_lock.hpp"

namespace runnel::user {
namespace {

using fs::LockKind;
using fs::LockOwner;
using fs::LockRange;
using fs::LockWait;

enum LockType : i16 { kReadLock = 0, kWriteLock = 1, kUnlock = 2 };

/// struct flock, the same on both architectures.
struct UserLock {
  i16 type, whence;
  i32 pad;
  i64 start, length;
  i32 pid;
  i32 tail_pad;

  bool is_known_type() const { return type == kReadLock || type == kWriteLock || type == kUnlock; }
  LockKind kind() const { return type == kWriteLock ? LockKind::kExclusive : LockKind::kShared; }
};
static_assert(sizeof(UserLock) == 32);

bool is_of_open_file(u32 command) { return command >= kGetOpenFileLock; }

/// kINVAL, kOVERFLOW: as Linux finds them, the type last.
Result<LockRange> range_of(const UserLock& lock, const File& file) {
  i64 base = 0;
  switch (static_cast<fs::Whence>(lock.whence)) {
  case fs::Whence::kSet:
    break;
  case fs::Whence::kCurrent:
    base = static_cast<i64>(file.position());
    break;
  case fs::Whence::kEnd: {
    fs::Stat stat;
    file.stat(stat);
    base = static_cast<i64>(stat.size);
    break;
  }
  default:
    return err(Errno::kINVAL);
  }
  const Result<LockRange> range = fs::lock_range(base, lock.start, lock.length);
  return !range || lock.is_known_type() ? range : err(Errno::kINVAL);
}

LockOwner owner_of(const File& file, u32 command) {
  if (is_of_open_file(command)) return {&file, 0};
  return {&my_files(), current_process().pid};
}

i64 get_lock(File& file, u32 command, UserLock& lock, u64 address) {
  if (!is_of_open_file(command) && lock.type != kReadLock && lock.type != kWriteLock)
    return negative(Errno::kINVAL);
  const Result<LockRange> range = range_of(lock, file);
  if (!range) return negative(range.error());
  if (is_of_open_file(command) && lock.pid != 0) return negative(Errno::kINVAL);
  const LockOwner owner = owner_of(file, command);
  const auto found = lock.type == kUnlock ? fs::find_own(file, owner, *range)
                                          : fs::find_conflict(file, owner, lock.kind(), *range);
  if (found) {
    lock.type = found->kind == LockKind::kExclusive ? kWriteLock : kReadLock;
    lock.whence = 0;
    lock.start = static_cast<i64>(found->range.first);
    const bool to_the_end = found->range.last == LockRange::kToTheEnd;
    lock.length = to_the_end ? 0 : static_cast<i64>(found->range.last - found->range.first + 1);
    lock.pid = found->owner.pid != 0 ? static_cast<i32>(found->owner.pid) : -1;
  } else {
    lock.type = kUnlock;
  }
  return to_syscall(copy_to_user(address, &lock, sizeof lock));
}

Result<> set_lock(File& file, u32 command, const UserLock& lock) {
  const Result<LockRange> range = range_of(lock, file);
  if (!range) return err(range.error());
  if ((lock.type == kReadLock && !file.is_readable()) || (lock.type == kWriteLock && !file.is_writable()))
    return err(Errno::kBADF);
  if (is_of_open_file(command) && lock.pid != 0) return err(Errno::kINVAL);
  const LockOwner owner = owner_of(file, command);
  if (lock.type == kUnlock) return fs::unlock_record(file, owner, *range);
  const bool waits = command == kSetLockWait || command == kSetOpenFileLockWait;
  return fs::lock_record(file, owner, lock.kind(), *range, waits ? LockWait::kYes : LockWait::kNo);
}

} // namespace

i64 record_lock(i32 fd, const FilePtr& file, u32 command, u64 address) {
  auto lock = read_user<UserLock>(address);
  if (!lock) return negative(lock.error());
  if (command == kGetLock || command == kGetOpenFileLock) return get_lock(*file, command, *lock, address);
  const Result<> set = set_lock(*file, command, *lock);
  if (!set || lock->type == kUnlock || is_of_open_file(command)) return to_syscall(set);
  // Another thread may have closed the descriptor meanwhile, too early to release this lock.
  const auto now = my_files().find(fd);
  if (now && now->get() == file.get()) return 0;
  fs::release_locks(*file, &my_files());
  return negative(Errno::kBADF);
}

i64 sys_flock(i32 fd, u32 operation) {
  constexpr u32 kShared = 1, kExclusive = 2, kNoWait = 4, kNone = 8, kMandatory = 32;
  if ((operation & kMandatory) != 0) return 0; // as Linux: they are gone
  const u32 what = operation & ~kNoWait;
  if (what != kShared && what != kExclusive && what != kNone) return negative(Errno::kINVAL);
  const auto file = find_open(fd);
  if (!file) return negative(file.error());
  if (what == kNone) {
    fs::unlock_whole(**file);
    return 0;
  }
  return to_syscall(fs::lock_whole(**file, what == kShared ? LockKind::kShared : LockKind::kExclusive,
                                   (operation & kNoWait) != 0 ? LockWait::kNo : LockWait::kYes));
}

} // namespace runnel::user
