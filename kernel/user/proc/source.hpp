// SPDX-License-Identifier: Apache-2.0
// What /proc asks the rest of user mode; a pid namespace will answer for its own.
#pragma once

#include "kernel/user/process.hpp"

namespace runnel::user {

/// Numbers of a thread that /proc shows and others keep.
struct ProcDetails {
  u32 parent = 0, group = 0, session = 0;
  u64 start_ns = 0; // monotonic, when it began
  u64 pending = 0, shared_pending = 0, blocked = 0, ignored = 0, caught = 0;
  u64 user_ns = 0, system_ns = 0; // of the whole process
  u64 minor_faults = 0;
  bool is_zombie = false;
  bool no_new_privileges = false;
};

struct ProcSource {
  /// With a reference; nullptr: no such process in the reader's namespace.
  Process* (*find)(u32 pid);
  /// The lowest number above `after`; 0: none.
  u32 (*next)(u32 after);
  /// Fills what it knows; the thread may be nullptr (a zombie's).
  void (*details)(Process& process, Thread* thread, ProcDetails& to);
  /// The number given last in the reader's namespace.
  u32 (*last_pid)();
  /// /proc/sys/kernel/pid_max.
  u32 (*pid_max)();
  Result<> (*set_pid_max)(u32 value);
};
extern constinit ProcSource proc_source;

} // namespace runnel::user
