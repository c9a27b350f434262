// SPDX-License-Identifier: Apache-2.0
// Calls on pidfds (spec clone_ns 7.1, 7.4, 7.5).
#include "kernel/user/pidfd.hpp"

#include "kernel/user/calls.hpp"
#include "kernel/user/file/call_support.hpp"
#include "kernel/user/proc/subject.hpp"
#include "kernel/user/signal/signal.hpp"

namespace runnel::user {
namespace {

constexpr i32 kSelfThread = -10000, kSelfProcess = -10001;
enum : u32 { kScopeThread = 1, kScopeProcess = 2, kScopeGroup = 4 };

/// What a signal is sent to.
struct Receiver {
  ProcessRef process;
  fs::FilePtr file; // none: the caller itself
  u32 scope = kScopeProcess;
};

Result<Receiver> receiver_of(i32 fd, u32 scope) {
  Receiver to;
  if (fd == kSelfThread || fd == kSelfProcess) {
    get_process(current_process());
    to.process.adopt(&current_process());
    to.scope = scope != 0 ? scope : fd == kSelfThread ? kScopeThread : kScopeProcess;
    return to;
  }
  auto file = find_pidfd(fd);
  if (!file) return err(file.error());
  const PidFile& pidfd = *PidFile::from(**file);
  get_process(pidfd.process());
  to.process.adopt(&pidfd.process());
  to.scope = scope != 0 ? scope : pidfd.scope() == PidFile::Scope::kThread ? kScopeThread : kScopeProcess;
  to.file = std::move(*file);
  return to;
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

Result<> send_to_thread(const Receiver& to, const SigInfo& info, i32 sig) REQUIRES(tree_lock) {
  const PidFile* const pidfd = to.file ? PidFile::from(*to.file) : nullptr;
  Thread* const thread = pidfd == nullptr        ? &current_thread()
                         : pidfd->is_of_thread() ? pidfd->thread()
                                                 : find_thread_locked(to.process->pid);
  if (!may_signal(current_process(), *to.process, sig)) return err(Errno::kPERM);
  // A first thread that has ended before the others, or with its process, takes anything.
  return sig == 0 || thread == nullptr ? Result<>{} : send_signal(*thread, info);
}

bool is_gone(const Receiver& to) REQUIRES(tree_lock) {
  const PidFile* const pidfd = to.file ? PidFile::from(*to.file) : nullptr;
  if (pidfd != nullptr && pidfd->is_of_thread() && pidfd->thread() == nullptr) return true;
  return to.process->state == ProcessState::kReaped;
}

} // namespace

i64 sys_pidfd_open(i32 pid, u32 flags) {
  constexpr u32 kThread = fs::kExclusive;
  if ((flags & ~u32{fs::kNonBlock | kThread}) != 0 || pid <= 0) return negative(Errno::kINVAL);
  const auto scope = (flags & kThread) != 0 ? PidFile::Scope::kThread : PidFile::Scope::kProcess;
  if (const ProcessRef process = find_process(static_cast<u32>(pid)))
    return new_descriptor(PidFile::create(*process, scope, flags), fs::kCloseOnExec);
  Result<fs::FilePtr> file = err(Errno::kSRCH);
  {
    const SpinGuard guard(tree_lock);
    if (Thread* const thread = find_thread_locked(static_cast<u32>(pid)))
      file = (flags & kThread) != 0 ? PidFile::create(*thread, flags) : err(Errno::kNOENT);
  }
  return new_descriptor(std::move(file), fs::kCloseOnExec);
}

i64 sys_pidfd_send_signal(i32 fd, i32 sig, u64 from, u32 flags) {
  if (flags != 0 && flags != kScopeThread && flags != kScopeProcess && flags != kScopeGroup)
    return negative(Errno::kINVAL);
  const auto to = receiver_of(fd, flags);
  if (!to) return negative(to.error());
  Process& target = *to->process;
  if (sig < 0 || sig > kNrSignals) return negative(Errno::kINVAL);
  const auto info = info_of(from, sig, target, to->scope);
  if (!info) return negative(info.error());
  const SpinGuard guard(tree_lock);
  if (is_gone(*to)) return negative(Errno::kSRCH);
  switch (to->scope) {
  case kScopeGroup:
    return to_syscall(send_to_group(target.pid, *info, sig));
  case kScopeThread:
    return to_syscall(send_to_thread(*to, *info, sig));
  default:
    return to_syscall(send_to(target, *info, sig));
  }
}

i64 sys_pidfd_getfd(i32 fd, i32 number, u32 flags) {
  if (flags != 0) return negative(Errno::kINVAL);
  const auto pidfd = find_pidfd(fd);
  if (!pidfd) return negative(pidfd.error());
  if (PidFile::from(**pidfd)->is_thread_gone()) return negative(Errno::kSRCH);
  Process& target = PidFile::from(**pidfd)->process();
  const Credentials& self = current_process().credentials;
  const Credentials& other = target.credentials;
  if (self.euid != 0 && (self.uid != other.uid || self.uid != other.euid || self.uid != other.suid))
    return negative(Errno::kPERM);
  get_process(target);
  const Subject subject(&target, 0);
  FileTable* const files = subject.files();
  if (files == nullptr) return negative(Errno::kSRCH);
  auto file = files->find(number);
  files->put();
  return file ? new_descriptor(std::move(*file), fs::kCloseOnExec) : negative(file.error());
}

} // namespace runnel::user
