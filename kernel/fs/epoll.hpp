// SPDX-License-Identifier: Apache-2.0
// epoll: a set of files and the list of those that became ready. A file's poll queue calls the set when
// something changes, so that a wait costs as much as there are ready files, not as there are files.
#pragma once

#include "kernel/fs/file.hpp"

namespace runnel::fs {

/// Bits beside PollBits.
inline constexpr u32 kEpollExclusive = 1u << 28;
inline constexpr u32 kEpollWakeUp = 1u << 29; // overlooked
inline constexpr u32 kEpollOneShot = 1u << 30;
inline constexpr u32 kEpollEdge = 1u << 31;

struct EpollEvent {
  u32 events = 0;
  u64 data = 0;
};

class EpollFile : public File {
 public:
  static Result<FilePtr> create();
  static EpollFile* from(File& file) {
    return file.kind() == FileKind::kEpoll ? static_cast<EpollFile*>(&file) : nullptr;
  }
  FileKind kind() const final { return FileKind::kEpoll; }

  /// epoll_ctl; a file is watched once per descriptor number. kEXIST, kNOENT, kPERM (no such kind of file),
  /// kINVAL (itself; kEpollExclusive where it cannot be), kLOOP (sets that watch each other, or nested too
  /// deeply), kNOMEM.
  virtual Result<> add(File& file, i32 fd, const EpollEvent& event) = 0;
  virtual Result<> modify(File& file, i32 fd, const EpollEvent& event) = 0;
  virtual Result<> remove(File& file, i32 fd) = 0;
  /// Ready events into `to`, at least one, or 0 when the time is over (kINTR when a signal came first).
  virtual Result<usize> wait(std::span<EpollEvent> to, Instant until) = 0;

 protected:
  EpollFile() : File(kReadWrite) {}
};

/// The last reference to `file` went: no set watches it any more. From File::last_put.
void epoll_forget(File& file);

} // namespace runnel::fs
