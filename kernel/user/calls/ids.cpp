// SPDX-License-Identifier: Apache-2.0
// Process groups and sessions.
#include "kernel/user/calls.hpp"
#include "kernel/user/syscall.hpp"
#include "kernel/user/tree.hpp"

namespace runnel::user {
namespace {

/// The process `pid`, 0: the caller. With the tree locked.
Process* named(i32 pid) REQUIRES(tree_lock) {
  if (pid < 0) return nullptr;
  return pid == 0 ? &current_process() : find_process_locked(static_cast<u32>(pid));
}

bool session_has_group(u32 sid, u32 pgid) REQUIRES(tree_lock) {
  bool found = false;
  for_each_process([&](Process& p) { found |= p.sid == sid && p.pgid == pgid; });
  return found;
}

} // namespace

i64 sys_setpgid(i32 pid, i32 pgid) {
  if (pgid < 0) return negative(Errno::kINVAL);
  Process& self = current_process();
  const SpinGuard guard(tree_lock);
  Process* const target = named(pid);
  if (target == nullptr || (target != &self && target->parent != &self)) return negative(Errno::kSRCH);
  if (target->sid != self.sid || target->sid == target->pid) return negative(Errno::kPERM);
  if (target != &self && target->has_execed) return negative(Errno::kACCES);
  const u32 group = pgid == 0 ? target->pid : static_cast<u32>(pgid);
  if (group != target->pid && !session_has_group(self.sid, group)) return negative(Errno::kPERM);
  target->pgid = group;
  return 0;
}

i64 sys_getpgid(i32 pid) {
  const SpinGuard guard(tree_lock);
  const Process* const target = named(pid);
  return target == nullptr ? negative(Errno::kSRCH) : target->pgid;
}
i64 sys_getpgrp() { return sys_getpgid(0); }

i64 sys_getsid(i32 pid) {
  const SpinGuard guard(tree_lock);
  const Process* const target = named(pid);
  return target == nullptr ? negative(Errno::kSRCH) : target->sid;
}

i64 sys_setsid() {
  Process& self = current_process();
  const SpinGuard guard(tree_lock);
  bool leads = self.pgid == self.pid;
  for_each_process([&](Process& p) { leads |= p.pgid == self.pid; });
  if (leads) return negative(Errno::kPERM);
  self.sid = self.pgid = self.pid;
  return self.sid;
}

} // namespace runnel::user
