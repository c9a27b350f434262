// SPDX-License-Identifier: Apache-2.0
// A process's descriptors. Shared between the threads of a process, and by clone(CLONE_FILES) between
// processes.
#pragma once

#include "kernel/fs/file.hpp"
#include "kernel/sync/spinlock.hpp"

namespace runnel::user {

using fs::File;
using fs::FilePtr;

class FileTable {
 public:
  FileTable() = default; // for create()
  ~FileTable();          // for put()
  /// No descriptors; one reference. kNOMEM.
  static Result<FileTable*> create();
  /// The same files under the same numbers (fork). kNOMEM.
  Result<FileTable*> clone() EXCLUDES(lock_);
  void get() { refs_.fetch_add(1, std::memory_order_relaxed); }
  /// The last one closes all. Thread context; may sleep.
  void put();
  u32 users() const { return refs_.load(std::memory_order_acquire); }

  /// The file behind `fd`; kBADF.
  Result<FilePtr> find(i32 fd) EXCLUDES(lock_);
  /// Puts `file` under the lowest free number that is at least `least` and below `limit`. kMFILE, kNOMEM;
  /// kINVAL: `least` is not below the limit.
  enum class OnExec : u8 { kKeep, kClose };
  Result<i32> add(FilePtr file, OnExec on_exec, u64 limit, i32 least = 0) EXCLUDES(lock_);
  /// Puts `file` under exactly this number, closing what was there. kBADF: not below the limit.
  /// kBUSY: another thread has reserved it. kNOMEM.
  Result<> set(i32 fd, FilePtr file, OnExec on_exec, u64 limit) EXCLUDES(lock_);
  /// Takes a number now for a file that is put there when nothing can fail any more (kBADF for others
  /// meanwhile), or given up. Errors as add().
  Result<i32> reserve(OnExec on_exec, u64 limit, i32 least = 0) EXCLUDES(lock_);
  void commit(i32 fd, FilePtr file) EXCLUDES(lock_);
  void cancel(i32 fd) EXCLUDES(lock_);
  /// kBADF.
  Result<> close(i32 fd) EXCLUDES(lock_);
  /// All open ones in [first, last]; with `mark`, marks them close-on-exec instead.
  enum class CloseRange : u8 { kClose, kMark };
  void close_range(u32 first, u32 last, CloseRange what) EXCLUDES(lock_);
  /// exec: closes the marked ones.
  void close_on_exec() EXCLUDES(lock_);
  /// FD_CLOEXEC. kBADF.
  Result<OnExec> on_exec(i32 fd) EXCLUDES(lock_);
  Result<> set_on_exec(i32 fd, OnExec on_exec) EXCLUDES(lock_);
  /// Lowest open number not below `from`, for /proc/self/fd; -1: none.
  i32 next_open(i32 from) EXCLUDES(lock_);

 private:
  struct Slot {
    File* file = nullptr; // a reference
    OnExec on_exec = OnExec::kKeep;
    bool reserved = false;
    bool is_free() const { return file == nullptr && !reserved; }
  };
  /// At least `wanted` slots; takes the lock itself.
  Result<> grow(u32 wanted) EXCLUDES(lock_);
  Slot* slot(i32 fd) REQUIRES(lock_);
  File* take(u32 fd) REQUIRES(lock_);
  u32 first_free(u32 least) REQUIRES(lock_);

  SpinLock lock_{LockRank::kFiles};
  Slot* slots_ GUARDED_BY(lock_) = nullptr;
  u32 size_ GUARDED_BY(lock_) = 0;
  u32 maybe_free_ GUARDED_BY(lock_) = 0; // all below are in use
  std::atomic<u32> refs_{1};
};

} // namespace runnel::user
