// SPDX-License-Identifier: Apache-2.0
// Waiting for children: their end, stops and continuations (spec clone_ns 8).
#pragma once

#include "kernel/user/process.hpp"

namespace runnel::user {

enum WaitOptions : u32 {
  kWNoHang = 1,
  kWStopped = 2,
  kWExited = 4,
  kWContinued = 8,
  kWNoWait = 0x100'0000,
  kWNoThread = 0x2000'0000,
  kWAll = 0x4000'0000,
  kWClone = 0x8000'0000,
};

enum class WaitFor : u8 { kAny, kPid, kGroup, kProcess };

struct WaitRequest {
  WaitFor what = WaitFor::kAny;
  u32 id = 0;                       // kPid, kGroup
  const Process* process = nullptr; // kProcess
  u32 options = 0;
};

/// Processor time of a process and of its children that were waited for.
struct Usage {
  CpuTimes own;
  CpuTimes children;
};
Usage usage_of(Process& process);

struct WaitOutcome {
  u32 pid = 0; // 0: nothing to report (WNOHANG)
  u32 uid = 0;
  i32 code = 0;   // CLD_...
  i32 status = 0; // exit code or signal, as siginfo has it
  i32 word = 0;   // as wait4 gives it
  Usage usage;
};

/// kCHILD: no child that is asked for; kINTR (to be restarted): a signal is pending.
Result<WaitOutcome> wait_for_child(const WaitRequest& request);

/// A stop of `process` is complete, or it goes on: tells its parent, with SIGCHLD unless that has
/// SA_NOCLDSTOP. No lock held.
void notify_parent_of_stop(Process& process);

} // namespace runnel::user
