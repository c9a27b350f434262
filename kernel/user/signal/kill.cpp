// SPDX-License-Identifier: Apache-2.0
// System calls that send signals: kill, tkill, tgkill, sigqueue. Who may: the same user, root, or SIGCONT
// within a session.
#include "kernel/user/calls.hpp"
#include "kernel/user/signal/signal.hpp"
#include "kernel/user/syscall.hpp"
#include "kernel/user/tree.hpp"
#include "kernel/user/uaccess.hpp"

namespace runnel::user {
namespace {

SigInfo own_info(i32 sig, i32 code) {
  const Process& self = current_process();
  return SigInfo::from_user(sig, code, self.pid, self.credentials.uid);
}

Result<> check_and_send(Process& target, const SigInfo& info) {
  if (!may_signal(current_process(), target, info.signo)) return err(Errno::kPERM);
  return info.signo == 0 ? Result<>{} : send_signal(target, info);
}

/// To all processes that `chosen` picks. Success when one of them could be sent to, else the last error.
template <typename Chosen> Result<> send_to_all(const SigInfo& info, Chosen chosen) {
  Result<> result = err(Errno::kSRCH);
  bool any = false;
  const SpinGuard guard(tree_lock);
  for_each_process([&](Process& process) {
    if (!chosen(process)) return;
    const Result<> sent = check_and_send(process, info);
    any |= sent.has_value();
    result = sent;
  });
  return any ? Result<>{} : result;
}

Result<> kill(i32 pid, const SigInfo& info) {
  if (pid > 0) {
    const ProcessRef target = find_process(static_cast<u32>(pid));
    return target ? check_and_send(*target, info) : Result<>(err(Errno::kSRCH));
  }
  if (pid == -1) return send_to_all(info, [](Process& p) { return p.pid > 1 && &p != &current_process(); });
  const u32 group = pid == 0 ? current_process().pgid : u32{0} - static_cast<u32>(pid);
  return send_to_all(info, [group](Process& p) { return p.pgid == group; });
}

/// `tgid` 0: any process.
Result<> tgkill(u32 tgid, u32 tid, const SigInfo& info) {
  const SpinGuard guard(tree_lock); // keeps the thread
  Thread* const target = find_thread_locked(tid);
  if (target == nullptr || (tgid != 0 && target->process->pid != tgid)) return err(Errno::kSRCH);
  if (!may_signal(current_process(), *target->process, info.signo)) return err(Errno::kPERM);
  return info.signo == 0 ? Result<>{} : send_signal(*target, info);
}

/// Numbers from user programs; 0 asks only whether one could send.
bool may_name(i32 sig) { return sig >= 0 && sig <= kNrSignals; }

Result<SigInfo> read_info(u64 from, i32 sig, u32 target) {
  auto info = read_user<SigInfo>(from);
  if (!info) return info;
  info->signo = sig;
  // Only to oneself may one pretend to be the kernel or a kill().
  if ((info->code >= 0 || info->code == kSiTkill) && target != current_process().pid)
    return err(Errno::kPERM);
  if (!may_name(sig)) return err(Errno::kINVAL);
  return info;
}

} // namespace

i64 sys_kill(i32 pid, i32 sig) {
  if (!may_name(sig)) return negative(Errno::kINVAL);
  return to_syscall(kill(pid, own_info(sig, kSiUser)));
}

i64 sys_tkill(i32 tid, i32 sig) {
  if (tid <= 0 || !may_name(sig)) return negative(Errno::kINVAL);
  return to_syscall(tgkill(0, static_cast<u32>(tid), own_info(sig, kSiTkill)));
}

i64 sys_tgkill(i32 tgid, i32 tid, i32 sig) {
  if (tgid <= 0 || tid <= 0 || !may_name(sig)) return negative(Errno::kINVAL);
  return to_syscall(tgkill(static_cast<u32>(tgid), static_cast<u32>(tid), own_info(sig, kSiTkill)));
}

i64 sys_rt_sigqueueinfo(i32 pid, i32 sig, u64 info) {
  const auto given = read_info(info, sig, static_cast<u32>(pid));
  if (!given) return negative(given.error());
  const ProcessRef target = find_process(static_cast<u32>(pid));
  return target ? to_syscall(check_and_send(*target, *given)) : negative(Errno::kSRCH);
}

i64 sys_rt_tgsigqueueinfo(i32 tgid, i32 tid, i32 sig, u64 info) {
  if (tgid <= 0 || tid <= 0) return negative(Errno::kINVAL);
  const auto given = read_info(info, sig, static_cast<u32>(tgid));
  if (!given) return negative(given.error());
  return to_syscall(tgkill(static_cast<u32>(tgid), static_cast<u32>(tid), *given));
}

} // namespace runnel::user
