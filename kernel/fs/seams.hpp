// SPDX-License-Identifier: Apache-2.0
// What file objects need of user mode. kernel/user fills it in once at boot; until then, and for kernel
// threads, there is no user memory and there are no signals.
#pragma once

#include "kernel/lib/types.hpp"

namespace runnel::fs {

struct Seams {
  /// Bytes that could not be copied; may sleep.
  usize (*copy_to_user)(u64 to, const void* from, usize size);
  usize (*copy_from_user)(void* to, u64 from, usize size);
  /// SIGPIPE for the current thread.
  void (*raise_sigpipe)();
  /// Nanoseconds to add to the monotonic clock for CLOCK_REALTIME.
  i64 (*realtime_offset)();
  /// Ids a new inode is given: the current thread's.
  void (*current_ids)(u32& uid, u32& gid);
  /// The current thread's process group.
  u32 (*current_group)();
  /// A signal of the kernel's to a process group. Thread context.
  void (*signal_group)(u32 group, i32 signal);
};

extern constinit Seams seams;

} // namespace runnel::fs
