// SPDX-License-Identifier: Apache-2.0
// An open file: what a descriptor refers to. Objects (console, pipe, file of a file system, ...) derive from
// it.
#pragma once

#include "kernel/fs/io_buffer.hpp"
#include "kernel/fs/poll.hpp"
#include "kernel/fs/stat.hpp"
#include "kernel/lib/errno.hpp"
#include "kernel/lib/format.hpp"
#include "kernel/lib/ref_ptr.hpp"
#include "kernel/mm/kmalloc.hpp"
#include "kernel/sync/mutex.hpp"

namespace runnel::user {
class VmObject;
}

namespace runnel::fs {

struct Path;
class Inode;
class FileLocks;
struct EpollItem;

/// Where the entries of a directory go. False from add(): no room; that entry is to come again next time.
class DirSink {
 public:
  /// `next`: the position after this entry. `type`: as in a mode, kTypeDirectory ...
  virtual bool add(std::string_view name, u64 inode, u32 type, u64 next) = 0;

 protected:
  ~DirSink() = default;
};

/// Kinds of files that some calls are only for.
enum class FileKind : u8 { kOther, kEpoll, kTimer, kSocket, kPid, kSignal };

enum class Whence : u32 { kSet = 0, kCurrent = 1, kEnd = 2, kData = 3, kHole = 4 };

class File : public RefCounted {
 public:
  /// Access mode and status flags (kAppend, kNonBlock, kDirect ...), as F_GETFL shows them.
  u32 flags() const { return flags_.load(std::memory_order_relaxed); }
  /// F_SETFL: changes kAppend, kNonBlock, kDirect, kNoAtime, kAsync; other bits are overlooked.
  void set_flags(u32 flags);
  bool is_readable() const { return !is_path() && (flags() & kAccessMode) != kWriteOnly; }
  bool is_writable() const { return !is_path() && (flags() & kAccessMode) != kReadOnly; }
  bool is_nonblocking() const { return (flags() & kNonBlock) != 0; }
  /// Opened with O_PATH: a name, nothing to read or write.
  bool is_path() const { return (flags() & kPath) != 0; }

  /// One call of read() or write(): checks the access mode, uses and moves the file's position. 0 from a read
  /// is the end. kFAULT only when nothing was transferred.
  Result<usize> read(IoBuffer& to);
  Result<usize> write(IoBuffer& from);
  /// pread/pwrite: kSPIPE without positions.
  Result<usize> read_from(IoBuffer& to, u64 position);
  Result<usize> write_to(IoBuffer& from, u64 position);
  Result<u64> seek(i64 offset, Whence whence);
  /// getdents: kNOTDIR unless a directory; kINVAL when the sink had no room for even one entry is the
  /// caller's business.
  Result<> list(DirSink& sink);

  virtual FileKind kind() const { return FileKind::kOther; }
  /// What is true now (PollBits); with a table, changes are announced from before that is looked at.
  virtual u32 poll(PollTable* table);
  /// False: always ready, and nothing an epoll set takes (EPERM).
  virtual bool can_poll() const { return true; }
  virtual Result<i64> ioctl(u32 command, u64 argument);
  virtual void stat(Stat& to) const = 0;
  virtual Result<> truncate(u64 size);
  /// What a mapping of this file shows; kNODEV: it cannot be mapped. The object lives as long as the mapping
  /// has a reference to it or to the file.
  virtual Result<user::VmObject*> vm_object() { return err(Errno::kNODEV); }
  /// Where it was opened; nullptr for objects that have no name in the tree.
  virtual const Path* path() const { return nullptr; }
  /// Its inode; nullptr for objects without a file system.
  virtual Inode* inode() const { return nullptr; }
  /// What /proc/self/fd/N shows of an object without path: "pipe:[12]", "anon_inode:[eventfd]".
  virtual void describe(Sink& sink) const;
  /// The object's own lines of fdinfo.
  virtual void fdinfo(Sink&) const {}
  /// A descriptor of it was closed (close, dup2, exit), others may be left.
  virtual void flush() {}

  u64 position() const { return position_; } // a hint
  virtual bool has_position() const { return false; }

  // Epoll sets that watch it: kernel/fs/epoll.cpp, under its lock.
  std::atomic<EpollItem*> watchers{nullptr};
  /// Where there is no inode to have them: kernel/fs/file_locks.cpp.
  std::atomic<FileLocks*> own_locks{nullptr};

 protected:
  explicit File(u32 flags) : flags_(flags & ~(kCreate | kExclusive | kNoCtty | kTruncate | kCloseOnExec)) {}
  ~File() override;
  void last_put() override;

  /// The transfer at `position`, which is advanced (an appending write sets it first). Files without
  /// positions overlook it. Concurrent calls are possible.
  virtual Result<usize> do_read(IoBuffer& to, u64& position);
  virtual Result<usize> do_write(IoBuffer& from, u64& position);
  /// kEnd needs it.
  virtual u64 size_for_seek() const { return 0; }
  virtual Result<> do_list(DirSink& sink, u64& position);
  void set_position(u64 position) { position_ = position; }
  /// Flags that the constructor leaves out, and that F_GETFL is to show all the same.
  void add_flags(u32 flags) { flags_.fetch_or(flags, std::memory_order_relaxed); }

 private:
  std::atomic<u32> flags_;
  Mutex position_lock_;
  u64 position_ = 0;
};

using FilePtr = RefPtr<File>;

/// A fresh object as a file; kNOMEM.
template <typename T, typename... Args> Result<FilePtr> make_file(Args&&... args) {
  T* const file = mm::knew<T>(std::forward<Args>(args)...);
  if (file == nullptr) return err(Errno::kNOMEM);
  return FilePtr::adopt(file);
}

/// What the transfer `result` of `done` bytes is to the caller: an error only when nothing went over.
inline Result<usize> transferred(usize done, Errno error) {
  return done != 0 ? Result<usize>(done) : err(error);
}

/// Inode numbers of objects without a file system.
u64 next_anonymous_inode();
/// Nanoseconds of CLOCK_REALTIME.
i64 realtime_now();

} // namespace runnel::fs
