// SPDX-License-Identifier: Apache-2.0
// What a thread and a process keep for signals. Everything here is guarded by Process::lock.
#pragma once

#include "kernel/user/signal/pending.hpp"
#include "kernel/user/signal/sighand.hpp"

namespace runnel::user {

inline constexpr u32 kSsOnStack = 1, kSsDisable = 2, kSsAutoDisarm = 1u << 31;

/// stack_t: where handlers with SA_ONSTACK run.
struct AltStack {
  u64 base = 0;
  u32 flags = kSsDisable;
  u32 pad = 0;
  u64 size = 0;

  bool is_enabled() const { return (flags & kSsDisable) == 0; }
  bool contains(u64 sp) const { return is_enabled() && sp > base && sp - base <= size; }
  /// The thread runs on it; with SS_AUTODISARM nobody does, for a handler's entry disarms it.
  bool is_in_use(u64 sp) const { return (flags & kSsAutoDisarm) == 0 && contains(sp); }
};
static_assert(sizeof(AltStack) == 24);

/// How a sleep that a signal without a handler cut short is taken up again (spec linux_abi 5.4): what
/// restart_syscall calls, with what the first call left for it.
struct RestartBlock {
  i64 (*resume)(RestartBlock&) = nullptr; // nullptr: EINTR
  u64 args[6] = {};
};

struct ThreadSignals {
  SigSet blocked;
  SigSet waited;     // those that sigtimedwait waits for: blocked all the same when it is about being ignored
  SigSet saved_mask; // with `restore_mask`: comes back when no handler has run (sigsuspend, ppoll, ...)
  bool restore_mask = false;
  bool stopped = false; // counted in ProcessSignals::nr_stopped
  Pending pending;
  AltStack altstack;      // only the thread itself
  RestartBlock restart{}; // only the thread itself
  u64 fault_code = 0;     // Fault::code of the last fault that became a signal; only the thread itself
};

/// What a parent can still be told of a stop or a continuation (wait4, waitid).
enum class StopEvent : u8 { kNone, kStopped, kContinued };

struct ProcessSignals {
  Pending shared;
  u32 nr_queued = 0;       // entries from the heap, of the process and its threads (RLIMIT_SIGPENDING)
  i32 stop_signal = 0;     // a stop is under way or complete, by this one
  u32 nr_stopped = 0;      // threads that have stopped for it
  bool is_stopped = false; // all have
  StopEvent event = StopEvent::kNone;
};

} // namespace runnel::user
