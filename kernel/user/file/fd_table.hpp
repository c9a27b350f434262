// SPDX-License-Identifier: Apache-2.0
// A process's descriptors: small numbers for open files. Shared under CLONE_FILES, copied by fork.
#pragma once

#include "kernel/fs/file.hpp"

namespace runnel::user {

using fs::FilePtr;

enum class CloseOnExec : u8 { kNo, kYes };

class FdTable final : public RefCounted {
 public:
  /// Most descriptors any limit allows (fs.nr_open).
  static constexpr u32 kMost = 1 << 20;

  FdTable() = default; // create() makes them
  /// An empty table; empty pointer: kNOMEM.
  static RefPtr<FdTable> create();
  /// For fork: the same files under the same numbers; empty pointer when memory is out.
  RefPtr<FdTable> copy();

  /// The file behind `fd`; kBADF. Files opened with O_PATH too: their own functions refuse.
  Result<FilePtr> get(i32 fd);
  /// Lowest free number at or above `least` and below `limit` (RLIMIT_NOFILE): kMFILE; kINVAL when `least` is
  /// not below `limit`; kNOMEM.
  Result<i32> install(FilePtr file, CloseOnExec on_exec, u64 limit, i32 least = 0);
  /// Takes a number now, for a file that is installed when nothing can fail any more (kBADF for others
  /// meanwhile), or given up.
  Result<i32> reserve(CloseOnExec on_exec, u64 limit, i32 least = 0);
  void commit(i32 fd, FilePtr file);
  void cancel(i32 fd);

  /// dup2/dup3 with `to` != `from`: closes what was there. kBADF also for a `to` beyond the limit.
  Result<i32> duplicate(i32 from, i32 to, CloseOnExec on_exec, u64 limit);
  Result<> close(i32 fd);
  /// close_range: closes, or with kYes marks close-on-exec, all in [first, last].
  enum class RangeAction : u8 { kClose, kMarkCloseOnExec };
  void close_range(u32 first, u32 last, RangeAction action);
  /// exec.
  void close_marked();
  /// The last user of the table goes.
  void close_all() { close_range(0, kMost, RangeAction::kClose); }

  Result<CloseOnExec> close_on_exec(i32 fd);
  Result<> set_close_on_exec(i32 fd, CloseOnExec on_exec);
  /// The lowest number in use at or above `from`; -1: none. For listings.
  i32 next_in_use(i32 from);
  u32 count();

 private:
  struct Slot {
    fs::File* file = nullptr;
    bool in_use = false; // also when reserved
    bool on_exec = false;
  };

  ~FdTable() override;

  u32 find_free(u32 from) REQUIRES(lock_);
  /// Room for `size` slots at least.
  Result<> grow(u32 size) EXCLUDES(lock_);
  Slot* slot(i32 fd) REQUIRES(lock_);
  static void drop(fs::File* file);

  SpinLock lock_{LockRank::kFiles};
  Slot* slots_ GUARDED_BY(lock_) = nullptr;
  u32 size_ GUARDED_BY(lock_) = 0;
  u32 maybe_free_ GUARDED_BY(lock_) = 0; // all below it are in use
};

} // namespace runnel::user
