// SPDX-License-Identifier: Apache-2.0
// The timers of a process.
#pragma once

#include "kernel/lib/errno.hpp"
#include "kernel/lib/list.hpp"
#include "kernel/user/timers/posix_timer.hpp"

namespace runnel::user {

struct ProcessTimers {
  explicit ProcessTimers(Process& process);
  ~ProcessTimers() { delete_posix(); }

  /// nullptr: no such timer.
  PosixTimer* find(i32 id) REQUIRES(lock);
  /// exec: they are gone; ITIMER_REAL goes on.
  void delete_posix() EXCLUDES(lock);

  Mutex lock;
  SignalTimer real; // ITIMER_REAL
  List<PosixTimer, &PosixTimer::in_process> posix GUARDED_BY(lock);
  u32 nr_posix GUARDED_BY(lock) = 0;
  i32 next_id GUARDED_BY(lock) = 0;
};

/// Those of the current process. kNOMEM.
Result<ProcessTimers*> own_timers();
/// The process ends, or is freed: no timer of it runs any more. No lock held, thread context.
void free_timers(Process& process);

} // namespace runnel::user
