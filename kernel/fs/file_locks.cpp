// SPDX-License-Identifier: Apache-2.0
#include "kernel/fs/file_locks.hpp"

#include "kernel/fs/inode.hpp"

namespace runnel::fs {

/// All of one file, made when the first is asked for.
class FileLocks {
 public:
  LockRanges records; // locks_lock
  LockRanges whole;   // flock(); locks_lock
  PollQueue queue;
  std::atomic<u64> changes{0}; // that may let a waiter go on; written under locks_lock
};

namespace {

constinit Mutex locks_lock;

/// An owner that waits for another one's lock.
struct Blocked {
  ListNode node;
  FileLocks& at;
  LockOwner self;
  LockOwner by{};
};
constinit List<Blocked, &Blocked::node> blocked; // those of processes; locks_lock

/// Unused locks: their memory is had before the mutex is taken.
class Spare {
 public:
  Spare() = default;
  ~Spare() {
    while (RecordLock* lock = list_.pop_front()) mm::kdelete(lock);
  }
  Spare(const Spare&) = delete;
  Spare& operator=(const Spare&) = delete;

  Result<> fill() {
    for (u32 i = 0; i < 2; ++i) {
      auto* const lock = mm::knew<RecordLock>();
      if (lock == nullptr) return err(Errno::kNOLCK);
      list_.push_back(*lock);
    }
    return {};
  }
  LockRanges::Locks& list() { return list_; }

 private:
  LockRanges::Locks list_;
};

std::atomic<FileLocks*>& slot_of(File& file) {
  Inode* const inode = file.inode();
  return inode != nullptr ? inode->locks : file.own_locks;
}

FileLocks* locks_of(File& file) { return slot_of(file).load(std::memory_order_acquire); }

/// kNOLCK.
Result<FileLocks*> make_locks_of(File& file) {
  if (FileLocks* there = locks_of(file)) return there;
  auto* const fresh = mm::knew<FileLocks>();
  if (fresh == nullptr) return err(Errno::kNOLCK);
  FileLocks* seen = nullptr;
  if (slot_of(file).compare_exchange_strong(seen, fresh, std::memory_order_acq_rel)) return fresh;
  mm::kdelete(fresh);
  return seen;
}

/// Something may be free now: whoever waits looks again, and waits for nobody meanwhile. With locks_lock.
void changed(FileLocks& locks) {
  for (auto at = blocked.begin(); at != blocked.end();) {
    Blocked& waiter = *at;
    ++at; // before it is taken off
    if (&waiter.at == &locks) decltype(blocked)::erase(waiter);
  }
  locks.changes.fetch_add(1, std::memory_order_release);
  locks.queue.wake(kPollIn | kPollHup); // all
}

/// Whether `by` waits, perhaps through others, for `self`. With locks_lock.
bool would_deadlock(const LockOwner& self, LockOwner by) {
  constexpr u32 kLongest = 10; // of such a chain; Linux looks no further either
  for (u32 i = 0; i < kLongest; ++i) {
    const Blocked* waits = nullptr;
    for (const Blocked& waiter : blocked)
      if (waits == nullptr && waiter.self == by) waits = &waiter;
    if (waits == nullptr) return false;
    by = waits->by;
    if (by == self) return true;
  }
  return false;
}

/// One attempt, with locks_lock. kAGAIN, kDEADLK; `self.by` is who has it.
Result<> attempt(FileLocks& locks, LockRanges& ranges, Blocked& self, LockKind kind, const LockRange& range,
                 Spare& spare) {
  const RecordLock* const other = ranges.conflict(self.self, kind, range);
  if (other == nullptr) {
    ranges.lock(self.self, kind, range, spare.list());
    changed(locks);
    return {};
  }
  self.by = other->owner;
  return err(Errno::kAGAIN);
}

Result<> acquire(FileLocks& locks, LockRanges& ranges, const LockOwner& owner, LockKind kind,
                 const LockRange& range, LockWait wait) {
  Spare spare;
  RUNNEL_TRY(spare.fill());
  Blocked self{{}, locks, owner};
  for (;;) {
    u64 seen;
    {
      const MutexGuard guard(locks_lock);
      const Result<> locked = attempt(locks, ranges, self, kind, range, spare);
      if (locked || wait == LockWait::kNo) return locked;
      if (owner.pid != 0 && would_deadlock(owner, self.by)) return err(Errno::kDEADLK);
      if (owner.pid != 0) blocked.push_back(self);
      seen = locks.changes.load(std::memory_order_relaxed);
    }
    const auto is_new = [&] { return locks.changes.load(std::memory_order_acquire) != seen; };
    const WaitResult result = locks.queue.wait(kPollIn, is_new, kNever);
    const MutexGuard guard(locks_lock);
    if (self.node.is_linked()) decltype(blocked)::erase(self);
    if (result == WaitResult::kInterrupted) return err(Errno::kRESTARTSYS);
  }
}

std::optional<LockFound> shown(const RecordLock* lock) {
  if (lock == nullptr) return std::nullopt;
  return LockFound{lock->owner, lock->kind, lock->range};
}

RecordLock* own_lock(LockRanges& ranges, const LockOwner& owner, const LockRange& range) {
  for (RecordLock& lock : ranges.all())
    if (lock.owner == owner && lock.range.overlaps(range)) return &lock;
  return nullptr;
}

/// All of an owner's. With locks_lock. False: he had none.
bool release(LockRanges& ranges, const LockOwner& owner) {
  bool any = false;
  while (RecordLock* lock = own_lock(ranges, owner, {})) {
    LockRanges::Locks::erase(*lock);
    mm::kdelete(lock);
    any = true;
  }
  return any;
}

} // namespace

Result<> lock_record(File& file, const LockOwner& owner, LockKind kind, const LockRange& range,
                     LockWait wait) {
  const Result<FileLocks*> locks = make_locks_of(file);
  if (!locks) return err(locks.error());
  return acquire(**locks, (*locks)->records, owner, kind, range, wait);
}

Result<> unlock_record(File& file, const LockOwner& owner, const LockRange& range) {
  FileLocks* const locks = locks_of(file);
  if (locks == nullptr) return {};
  Spare spare;
  RUNNEL_TRY(spare.fill());
  const MutexGuard guard(locks_lock);
  locks->records.unlock(owner, range, spare.list());
  changed(*locks);
  return {};
}

std::optional<LockFound> find_conflict(File& file, const LockOwner& owner, LockKind kind,
                                       const LockRange& range) {
  FileLocks* const locks = locks_of(file);
  if (locks == nullptr) return std::nullopt;
  const MutexGuard guard(locks_lock);
  return shown(locks->records.conflict(owner, kind, range));
}

std::optional<LockFound> find_own(File& file, const LockOwner& owner, const LockRange& range) {
  FileLocks* const locks = locks_of(file);
  if (locks == nullptr) return std::nullopt;
  const MutexGuard guard(locks_lock);
  return shown(own_lock(locks->records, owner, range));
}

Result<> lock_whole(File& file, LockKind kind, LockWait wait) {
  const Result<FileLocks*> locks = make_locks_of(file);
  if (!locks) return err(locks.error());
  const LockOwner owner{&file, 0};
  {
    const MutexGuard guard(locks_lock);
    const RecordLock* const mine = own_lock((*locks)->whole, owner, {});
    if (mine != nullptr && mine->kind == kind) return {};
    if (release((*locks)->whole, owner)) changed(**locks);
  }
  return acquire(**locks, (*locks)->whole, owner, kind, {}, wait);
}

void unlock_whole(File& file) {
  FileLocks* const locks = locks_of(file);
  if (locks == nullptr) return;
  const MutexGuard guard(locks_lock);
  if (release(locks->whole, {&file, 0})) changed(*locks);
}

void release_locks(File& file, const void* owner) {
  FileLocks* const locks = locks_of(file);
  if (locks == nullptr) return;
  const MutexGuard guard(locks_lock);
  const bool records = release(locks->records, {owner, 0});
  const bool whole = release(locks->whole, {owner, 0});
  if (records || whole) changed(*locks);
}

void free_locks(FileLocks* locks) { mm::kdelete(locks); }

} // namespace runnel::fs
