// SPDX-License-Identifier: Apache-2.0
#include "kernel/fs/file_locks.hpp"

#include "kernel/fs/inode.hpp"

#include <utility>

namespace runnel::fs {

/// All of one file; there while there are any, or somebody waits for one. Guarded by locks_lock.
class FileLocks {
 public:
  LockRanges records;
  LockRanges whole; // flock()
  u32 waiters = 0;
  PollQueue queue;
  std::atomic<u64> changes{0}; // that may let a waiter go on; written under locks_lock
};

namespace {

constinit Mutex locks_lock;

/// An owner that waits for another one's lock.
struct Blocked {
  ListNode node;
  FileLocks* at = nullptr;
  LockOwner self;
  LockOwner by{};
};
constinit List<Blocked, &Blocked::node> blocked; // those of processes; locks_lock

/// Unused ones: their memory is had before the mutex is taken.
class Spare {
 public:
  Spare() = default;
  ~Spare() {
    while (RecordLock* lock = list_.pop_front()) mm::kdelete(lock);
    mm::kdelete(locks_);
  }
  Spare(const Spare&) = delete;
  Spare& operator=(const Spare&) = delete;

  /// kNOLCK.
  Result<> fill() {
    locks_ = mm::knew<FileLocks>();
    if (locks_ == nullptr) return err(Errno::kNOLCK);
    for (u32 i = 0; i < 2; ++i) {
      auto* const lock = mm::knew<RecordLock>();
      if (lock == nullptr) return err(Errno::kNOLCK);
      list_.push_back(*lock);
    }
    return {};
  }
  LockRanges::Locks& list() { return list_; }
  FileLocks* take_locks() { return std::exchange(locks_, nullptr); }

 private:
  LockRanges::Locks list_;
  FileLocks* locks_ = nullptr;
};

std::atomic<FileLocks*>& slot_of(File& file) {
  Inode* const inode = file.inode();
  return inode != nullptr ? inode->locks : file.own_locks;
}

/// Those of a file without locks are made here and go when nobody needs them: to be looked up under
/// locks_lock, but to see that there are none.
FileLocks* locks_of(File& file) { return slot_of(file).load(std::memory_order_acquire); }

FileLocks& locks_of(File& file, Spare& spare) {
  if (FileLocks* there = locks_of(file)) return *there;
  FileLocks* const fresh = spare.take_locks();
  slot_of(file).store(fresh, std::memory_order_release);
  return *fresh;
}

void drop_if_unused(File& file, FileLocks& locks) {
  if (locks.waiters != 0 || !locks.records.empty() || !locks.whole.empty()) return;
  slot_of(file).store(nullptr, std::memory_order_release);
  mm::kdelete(&locks);
}

/// Something may be free now: whoever waits looks again, and waits for nobody meanwhile. With locks_lock.
void changed(FileLocks& locks) {
  for (auto at = blocked.begin(); at != blocked.end();) {
    Blocked& waiter = *at;
    ++at; // before it is taken off
    if (waiter.at == &locks) decltype(blocked)::erase(waiter);
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

enum class LockSet : u8 { kRecords, kWhole };
LockRanges& ranges_of(FileLocks& locks, LockSet set) {
  return set == LockSet::kRecords ? locks.records : locks.whole;
}

/// One thread that wants a lock.
class Request {
 public:
  Request(File& file, LockSet set, const LockOwner& owner, LockKind kind, const LockRange& range)
      : file_(file), set_(set), kind_(kind), range_(range), blocked_{{}, nullptr, owner} {}
  Result<> acquire(LockWait wait);

 private:
  Result<> attempt(LockWait wait);
  void stop_waiting();
  bool is_of_process() const { return blocked_.self.pid != 0; }

  File& file_;
  LockSet set_;
  LockKind kind_;
  LockRange range_;
  Blocked blocked_;
  Spare spare_;
  FileLocks* waits_at_ = nullptr; // where it counts as a waiter
  u64 seen_ = 0;
};

/// Done, or kAGAIN: it counts as a waiter if it may wait. kDEADLK. With locks_lock.
Result<> Request::attempt(LockWait wait) {
  FileLocks& locks = locks_of(file_, spare_);
  stop_waiting();
  const RecordLock* const other = ranges_of(locks, set_).conflict(blocked_.self, kind_, range_);
  if (other == nullptr) {
    ranges_of(locks, set_).lock(blocked_.self, kind_, range_, spare_.list());
    changed(locks);
    return {};
  }
  if (wait == LockWait::kNo) return err(Errno::kAGAIN);
  if (is_of_process() && would_deadlock(blocked_.self, other->owner)) return err(Errno::kDEADLK);
  blocked_.at = waits_at_ = &locks;
  blocked_.by = other->owner;
  if (is_of_process()) blocked.push_back(blocked_);
  ++locks.waiters;
  seen_ = locks.changes.load(std::memory_order_relaxed);
  return err(Errno::kAGAIN);
}

void Request::stop_waiting() {
  if (blocked_.node.is_linked()) decltype(blocked)::erase(blocked_);
  if (waits_at_ != nullptr) --std::exchange(waits_at_, nullptr)->waiters;
}

Result<> Request::acquire(LockWait wait) {
  RUNNEL_TRY(spare_.fill());
  for (;;) {
    {
      const MutexGuard guard(locks_lock);
      const Result<> locked = attempt(wait);
      if (locked || waits_at_ == nullptr) return locked; // somebody's is there: they are in use
    }
    FileLocks& locks = *waits_at_;
    const auto is_new = [&] { return locks.changes.load(std::memory_order_acquire) != seen_; };
    if (locks.queue.wait(kPollIn, is_new, kNever) != WaitResult::kInterrupted) continue;
    const MutexGuard guard(locks_lock);
    stop_waiting();
    drop_if_unused(file_, locks);
    return err(Errno::kRESTARTSYS);
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
  return Request(file, LockSet::kRecords, owner, kind, range).acquire(wait);
}

Result<> unlock_record(File& file, const LockOwner& owner, const LockRange& range) {
  if (locks_of(file) == nullptr) return {};
  Spare spare;
  RUNNEL_TRY(spare.fill());
  const MutexGuard guard(locks_lock);
  FileLocks* const locks = locks_of(file);
  if (locks == nullptr) return {};
  locks->records.unlock(owner, range, spare.list());
  changed(*locks);
  drop_if_unused(file, *locks);
  return {};
}

std::optional<LockFound> find_conflict(File& file, const LockOwner& owner, LockKind kind,
                                       const LockRange& range) {
  const MutexGuard guard(locks_lock);
  FileLocks* const locks = locks_of(file);
  return locks != nullptr ? shown(locks->records.conflict(owner, kind, range)) : std::nullopt;
}

std::optional<LockFound> find_own(File& file, const LockOwner& owner, const LockRange& range) {
  const MutexGuard guard(locks_lock);
  FileLocks* const locks = locks_of(file);
  return locks != nullptr ? shown(own_lock(locks->records, owner, range)) : std::nullopt;
}

Result<> lock_whole(File& file, LockKind kind, LockWait wait) {
  const LockOwner owner{&file, 0};
  {
    const MutexGuard guard(locks_lock);
    FileLocks* const locks = locks_of(file);
    const RecordLock* const mine = locks != nullptr ? own_lock(locks->whole, owner, {}) : nullptr;
    if (mine != nullptr) {
      if (mine->kind == kind) return {};
      release(locks->whole, owner);
      changed(*locks);
      drop_if_unused(file, *locks);
    }
  }
  return Request(file, LockSet::kWhole, owner, kind, {}).acquire(wait);
}

void unlock_whole(File& file) {
  const MutexGuard guard(locks_lock);
  FileLocks* const locks = locks_of(file);
  if (locks == nullptr || !release(locks->whole, {&file, 0})) return;
  changed(*locks);
  drop_if_unused(file, *locks);
}

void release_locks(File& file, const void* owner) {
  if (locks_of(file) == nullptr) return;
  const MutexGuard guard(locks_lock);
  FileLocks* const locks = locks_of(file);
  if (locks == nullptr) return;
  const bool records = release(locks->records, {owner, 0});
  const bool whole = release(locks->whole, {owner, 0});
  if (!records && !whole) return;
  changed(*locks);
  drop_if_unused(file, *locks);
}

} // namespace runnel::fs
