// SPDX-License-Identifier: Apache-2.0
// Calls on pidfds (spec clone_ns 7.1, 7.4, 7.5). Seam: those of threads that are not their process's first.
#include "kernel/user/pidfd.hpp"

#include "kernel/user/calls.hpp"
#include "kernel/user/file/call_support.hpp"
#include "kernel/user/proc/subject.hpp"
#include "kernel/user/signal/signal.hpp"

namespace runnel::user {
namespace {

constexpr i32 kSelfThread = -10000, kSelfProcess = -10001;
enum : u32 { kScopeThread = 1, kScopeProcess = 2, kScopeGroup = 4 };

Result<ProcessRef> target_of(i32 fd) {
  if (fd != kSelfThread && fd != kSelfProcess) return process_of(fd);
  get_process(current_process());
  return ProcessRef(&current_process());
}

Result<SigInfo> info_of(u64 from, i32 sig, const Process& target, u32 scope) {
  const Process& self = current_process();
  if (from == 0) return SigInfo::from_user(sig, kSiUser, self.pid, self.credentials.uid);
  const auto info = read_user<SigInfo>(from);
  if (!info) return info;
  if (info->signo != sig) return err(Errno::kINVAL);
  // Only to oneself may one pretend to be the kernel or a kill().
  if ((&target != &self || scope == kScopeGroup) && (info->code >= 0 || info->code == kSiTkill))
    return err(Errno::kPERM);
  return info;
}

/// With the tree locked.
Result<> send_to(Process& target, const SigInfo& info, i32 sig) {
  if (!may_signal(current_process(), target, sig)) return err(Errno::kPERM);
  return sig == 0 ? Result<>{} : send_signal(target, info);
}

/// Success when one of them could be sent to, else the last error.
Result<> send_to_group(u32 group, const SigInfo& info, i32 sig) REQUIRES(tree_lock) {
  Result<> result = err(Errno::kSRCH);
  bool any = false;
  for_each_process([&](Process& process) {
    if (process.pgid != group) return;
    result = send_to(process, info, sig);
    any |= result.has_value();
  });
  return any ? Result<>{} : result;
}

Result<> send_to_thread(u32 tid, const SigInfo& info, i32 sig) REQUIRES(tree_lock) {
  Thread* const thread = find_thread_locked(tid);
  if (thread == nullptr) return err(Errno::kSRCH);
  if (!may_signal(current_process(), *thread->process, sig)) return err(Errno::kPERM);
  return sig == 0 ? Result<>{} : send_signal(*thread, info);
}

} // namespace

i64 sys_pidfd_open(i32 pid, u32 flags) {
  constexpr u32 kThread = fs::kExclusive;
  if ((flags & ~u32{fs::kNonBlock | kThread}) != 0 || pid <= 0) return negative(Errno::kINVAL);
  const ProcessRef process = find_process(static_cast<u32>(pid));
  if (!process) {
    const SpinGuard guard(tree_lock);
    if (find_thread_locked(static_cast<u32>(pid)) == nullptr) return negative(Errno::kSRCH);
    return negative((flags & kThread) == 0 ? Errno::kNOENT : Errno::kOPNOTSUPP);
  }
  return new_descriptor(PidFile::create(*process, flags), fs::kCloseOnExec);
}

i64 sys_pidfd_send_signal(i32 fd, i32 sig, u64 from, u32 flags) {
  if (flags != 0 && flags != kScopeThread && flags != kScopeProcess && flags != kScopeGroup)
    return negative(Errno::kINVAL);
  const auto target = target_of(fd);
  if (!target) return negative(target.error());
  if (sig < 0 || sig > kNrSignals) return negative(Errno::kINVAL);
  const auto info = info_of(from, sig, **target, flags);
  if (!info) return negative(info.error());
  const u32 tid = fd == kSelfThread ? current_thread().tid() : (*target)->pid;
  const SpinGuard guard(tree_lock);
  if ((*target)->state == ProcessState::kReaped) return negative(Errno::kSRCH);
  if (flags == kScopeGroup) return to_syscall(send_to_group((*target)->pid, *info, sig));
  if (flags == kScopeThread || (flags == 0 && fd == kSelfThread))
    return to_syscall(send_to_thread(tid, *info, sig));
  return to_syscall(send_to(**target, *info, sig));
}

i64 sys_pidfd_getfd(i32 fd, i32 number, u32 flags) {
  if (flags != 0) return negative(Errno::kINVAL);
  auto target = process_of(fd);
  if (!target) return negative(target.error());
  const Credentials& self = current_process().credentials;
  const Credentials& other = (*target)->credentials;
  if (self.euid != 0 && (self.uid != other.uid || self.uid != other.euid || self.uid != other.suid))
    return negative(Errno::kPERM);
  const Subject subject(target->release(), 0);
  FileTable* const files = subject.files();
  if (files == nullptr) return negative(Errno::kSRCH);
  auto file = files->find(number);
  files->put();
  return file ? new_descriptor(std::move(*file), fs::kCloseOnExec) : negative(file.error());
}

} // namespace runnel::user
