// SPDX-License-Identifier: Apache-2.0
// wait4 and waitid.
#include "kernel/user/wait.hpp"

#include "kernel/user/calls.hpp"
#include "kernel/user/file/file_table.hpp"
#include "kernel/user/pidfd.hpp"
#include "kernel/user/rusage.hpp"
#include "kernel/user/signal/siginfo.hpp"
#include "kernel/user/syscall.hpp"
#include "kernel/user/uaccess.hpp"

#include <limits>

namespace runnel::user {
namespace {

constexpr u32 kAnyOption = kWNoHang | kWNoThread | kWAll | kWClone;

/// Signals restart a wait.
i64 failed(Errno error) { return error == Errno::kINTR ? kRestartSys : negative(error); }

i64 report(const Result<WaitOutcome>& outcome, u64 info, u64 rusage) {
  if (!outcome) return failed(outcome.error());
  if (info != 0) {
    SigInfo told; // zeros when there is nothing to report
    if (outcome->pid != 0)
      told = SigInfo::from_child(outcome->code, outcome->pid, outcome->uid, outcome->status);
    if (const auto written = write_user(info, told); !written) return to_syscall(written);
  }
  if (outcome->pid != 0 && rusage != 0) return to_syscall(write_user(rusage, to_rusage(outcome->usage)));
  return 0;
}

/// A descriptor that does not block makes that a WNOHANG, but one that fails with nothing to report.
i64 wait_for_pidfd(i32 fd, WaitRequest& request, u64 info, u64 rusage) {
  const auto file = current_process().files->find(fd);
  if (!file) return negative(file.error());
  const PidFile* const pidfd = PidFile::from(**file);
  if (pidfd == nullptr) return negative(Errno::kBADF);
  const bool would_block = pidfd->is_nonblocking() && (request.options & kWNoHang) == 0;
  if (pidfd->is_of_thread()) return negative(Errno::kCHILD);
  request.what = WaitFor::kProcess;
  request.process = &pidfd->process();
  if (would_block) request.options |= kWNoHang;
  const auto outcome = wait_for_child(request);
  if (would_block && outcome && outcome->pid == 0) return negative(Errno::kAGAIN);
  return report(outcome, info, rusage);
}

} // namespace

i64 sys_wait4(i32 pid, u64 status, u32 options, u64 rusage) {
  if ((options & ~(kAnyOption | kWStopped | kWContinued)) != 0) return negative(Errno::kINVAL);
  if (pid == std::numeric_limits<i32>::min()) return negative(Errno::kSRCH);
  WaitRequest request{.options = options | kWExited};
  if (pid > 0) {
    request.what = WaitFor::kPid;
    request.id = static_cast<u32>(pid);
  } else if (pid != -1) {
    request.what = WaitFor::kGroup;
    request.id = pid == 0 ? current_process().pgid : static_cast<u32>(-pid);
  }
  const auto outcome = wait_for_child(request);
  if (!outcome) return failed(outcome.error());
  if (outcome->pid == 0) return 0;
  if (status != 0) {
    if (const auto written = write_user(status, outcome->word); !written) return to_syscall(written);
  }
  if (rusage != 0) {
    if (const auto written = write_user(rusage, to_rusage(outcome->usage)); !written)
      return to_syscall(written);
  }
  return outcome->pid;
}

i64 sys_waitid(i32 what, i32 id, u64 info, u32 options, u64 rusage) {
  if ((options & ~(kAnyOption | kWStopped | kWExited | kWContinued | kWNoWait)) != 0 ||
      (options & (kWStopped | kWExited | kWContinued)) == 0)
    return negative(Errno::kINVAL);
  WaitRequest request{.options = options};
  constexpr i32 kAll = 0, kPid = 1, kPgid = 2, kPidfd = 3;
  switch (what) {
  case kAll:
    break;
  case kPid:
    if (id <= 0) return negative(Errno::kINVAL);
    request.what = WaitFor::kPid;
    request.id = static_cast<u32>(id);
    break;
  case kPgid:
    if (id < 0) return negative(Errno::kINVAL);
    request.what = WaitFor::kGroup;
    request.id = id == 0 ? current_process().pgid : static_cast<u32>(id);
    break;
  case kPidfd:
    return id < 0 ? negative(Errno::kINVAL) : wait_for_pidfd(id, request, info, rusage);
  default:
    return negative(Errno::kINVAL);
  }
  return report(wait_for_child(request), info, rusage);
}

} // namespace runnel::user
