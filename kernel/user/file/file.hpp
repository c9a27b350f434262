// SPDX-License-Identifier: Apache-2.0
// An open file: what descriptors stand for. Each kind (console, pipe, eventfd, memory file, ...) derives from
// it and overrides what it can do; the defaults are the errors Linux gives for what it cannot.
#pragma once

#include "kernel/sync/mutex.hpp"
#include "kernel/user/file/stat.hpp"
#include "kernel/user/user_buffer.hpp"

#include <atomic>
#include <string_view>

namespace runnel::user {

class VmObject;
class PollTable; // seam: poll, select and epoll register a waiter with every queue poll() names

enum : u32 { // open flags that are the same on both architectures
  kOpenAccess = 3,
  kOpenRead = 0,
  kOpenWrite = 1,
  kOpenReadWrite = 2,
  kOpenCreate = 0x40,
  kOpenExclusive = 0x80,
  kOpenNoTty = 0x100,
  kOpenTruncate = 0x200,
  kOpenAppend = 0x400,
  kOpenNonBlock = 0x800,
  kOpenCloseOnExec = 0x80000,
  kOpenPath = 0x200000,
};

enum : u32 { // poll bits
  kPollIn = 1,
  kPollPriority = 2,
  kPollOut = 4,
  kPollError = 8,
  kPollHangup = 0x10,
  kPollInvalid = 0x20,
};

enum class Whence : u32 { kSet = 0, kCurrent = 1, kEnd = 2, kData = 3, kHole = 4 };

/// Reference counted; a descriptor holds one reference, a call that uses the file another. Results are those
/// of the system call: a count or a negative errno, kRestartSys when a signal ended a wait.
class File {
 public:
  explicit File(u32 open_flags) : flags_(open_flags & ~kOpenCloseOnExec) {}
  File(const File&) = delete;
  File& operator=(const File&) = delete;

  /// At `position`, which moves on; files without positions ignore it. Called when the access mode allows it.
  virtual i64 read(UserBuffer& to, u64& position);
  virtual i64 write(UserBuffer& from, u64& position);
  /// False: lseek, pread and pwrite give kSPIPE.
  virtual bool has_position() const { return false; }
  virtual i64 seek(i64 offset, Whence whence);
  virtual i64 ioctl(u32 request, u64 argument);
  virtual FileStat stat() = 0;
  /// What could be done now without waiting. With a table: registers with the queues that are woken when that
  /// changes, before it looks.
  virtual u32 poll(PollTable* table);
  /// The object to map, without a reference for the caller; kNODEV: cannot be mapped.
  virtual Result<VmObject*> map_object();
  /// A descriptor of it was closed (F_SETLK and the like); the last one ends in the destructor.
  virtual void flush() {}
  /// As /proc/self/fd names it: a path, or "pipe:[7]".
  virtual std::string_view name() const { return {}; }

  bool can_read() const { return (flags() & kOpenAccess) != kOpenWrite; }
  bool can_write() const { return (flags() & kOpenAccess) != kOpenRead; }
  /// Access mode and status flags (F_GETFL).
  u32 flags() const { return flags_.load(std::memory_order_relaxed); }
  void set_flags(u32 flags) { flags_.store(flags, std::memory_order_relaxed); }
  bool non_blocking() const { return (flags() & kOpenNonBlock) != 0; }

  void get() { refs_.fetch_add(1, std::memory_order_relaxed); }
  void put() {
    if (refs_.fetch_sub(1, std::memory_order_acq_rel) == 1) destroy();
  }

  /// The file's own position, and the lock that makes read() and write() at it one after the other.
  Mutex position_lock;
  u64 position GUARDED_BY(position_lock) = 0;

 protected:
  virtual ~File() = default;
  /// The last reference is gone: kdelete(this) of the most derived type. Thread context; may sleep.
  virtual void destroy() = 0;

 private:
  std::atomic<u32> refs_{1};
  std::atomic<u32> flags_;
};

/// Owns one reference.
class FileRef {
 public:
  FileRef() = default;
  explicit FileRef(File* file) : file_(file) {} // takes the reference over
  FileRef(FileRef&& other) noexcept : file_(other.release()) {}
  FileRef& operator=(FileRef&& other) noexcept {
    File* mine = file_;
    file_ = other.release();
    if (mine != nullptr) mine->put();
    return *this;
  }
  ~FileRef() {
    if (file_ != nullptr) file_->put();
  }
  File* operator->() const { return file_; }
  File& operator*() const { return *file_; }
  File* get() const { return file_; }
  explicit operator bool() const { return file_ != nullptr; }
  [[nodiscard]] File* release() {
    File* file = file_;
    file_ = nullptr;
    return file;
  }

 private:
  File* file_ = nullptr;
};

/// The serial console: read() is at its end at once, write() goes out as it is.
Result<FileRef> open_console(u32 open_flags);

} // namespace runnel::user
