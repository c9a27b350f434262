// SPDX-License-Identifier: Apache-2.0
// timerfd: a timer whose expirations are read as a count.
#pragma once

#include "kernel/fs/file.hpp"

namespace runnel::fs {

enum class TimerClock : u8 { kMonotonic, kRealtime, kBoottime };

/// In nanoseconds; value 0: not armed, interval 0: once.
struct TimerSetting {
  u64 interval = 0;
  u64 value = 0; // until the next expiration, or (kAbsolute) the clock then
};
enum class TimerKind : u8 { kRelative, kAbsolute };

class TimerFile : public File {
 public:
  /// Sets, and gives the old setting back as get() shows it.
  virtual TimerSetting set(TimerKind kind, const TimerSetting& setting) = 0;
  virtual TimerSetting get() = 0;

  FileKind kind() const final { return FileKind::kTimer; }
  /// `flags`: kNonBlock. kNOMEM.
  static Result<FilePtr> create(TimerClock clock, u32 flags);
  /// nullptr: `file` is another kind of file.
  static TimerFile* from(File& file);

 protected:
  explicit TimerFile(u32 flags) : File(flags) {}
};

} // namespace runnel::fs
