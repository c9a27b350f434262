// SPDX-License-Identifier: Apache-2.0
// Calls about the process and thread that makes them: its ids, its end, its program.
#include "kernel/user/process.hpp"
#include "kernel/mm/kmalloc.hpp"
#include "kernel/user/calls.hpp"
#include "kernel/user/exec.hpp"
#include "kernel/user/exec_arguments.hpp"
#include "kernel/user/mm/mm.hpp"
#include "kernel/user/rseq/rseq.hpp"
#include "kernel/user/syscall.hpp"
#include "kernel/user/tree.hpp"
#include "kernel/user/uaccess.hpp"

namespace runnel::user {

i64 sys_exit(i32 code) { exit_thread(status_exited(code)); }
i64 sys_exit_group(i32 code) { exit_process(status_exited(code)); }

i64 sys_getpid() { return current_process().pid; }
i64 sys_gettid() { return current_thread().tid(); }
i64 sys_getppid() {
  const SpinGuard guard(tree_lock);
  const Process* parent = current_process().parent;
  return parent == nullptr ? 0 : parent->pid;
}
i64 sys_getuid() { return current_process().credentials.uid; }
i64 sys_geteuid() { return current_process().credentials.euid; }
i64 sys_getgid() { return current_process().credentials.gid; }
i64 sys_getegid() { return current_process().credentials.egid; }

i64 sys_set_tid_address(u64 address) {
  current_thread().clear_child_tid = address;
  return current_thread().tid();
}

i64 sys_set_robust_list(u64 head, u64 size) {
  constexpr u64 kHeadSize = 24;
  if (size != kHeadSize) return negative(Errno::kINVAL);
  current_thread().robust_list = head;
  current_thread().robust_list_size = size;
  return 0;
}

i64 sys_prlimit64(u32 pid, u32 resource, u64 to_set, u64 to_old) {
  Process& process = current_process();
  if (resource >= kNrLimits) return negative(Errno::kINVAL);
  // Seam (fork): other processes' limits, by pid.
  if (pid != 0 && pid != process.pid) return negative(Errno::kSRCH);
  Limit wanted;
  if (to_set != 0) {
    const auto read = read_user<Limit>(to_set);
    if (!read) return negative(read.error());
    wanted = *read;
    if (wanted.soft > wanted.hard) return negative(Errno::kINVAL);
  }
  Limit old;
  {
    const IrqSpinGuard guard(process.lock);
    old = process.limits[resource];
    if (to_set != 0) process.limits[resource] = wanted;
  }
  if (to_set != 0) limits_changed(process);
  return to_old == 0 ? 0 : to_syscall(write_user(to_old, old));
}
i64 sys_getrlimit(u32 resource, u64 to) { return sys_prlimit64(0, resource, 0, to); }
i64 sys_setrlimit(u32 resource, u64 from) {
  return from == 0 ? negative(Errno::kFAULT) : sys_prlimit64(0, resource, from, 0);
}

namespace {

i64 execve(u64 path, u64 argv, u64 envp) {
  ExecArguments arguments;
  if (const auto read = arguments.read(path, argv, envp); !read) return negative(read.error());
  const auto program = load_program(arguments.path(), arguments.argv(), arguments.envp(), current_process());
  if (!program) return negative(program.error());
  if (const auto alone = be_alone(); !alone) {
    program->mm->put();
    return negative(alone.error());
  }
  become(*program);
  return 0;
}

} // namespace

i64 sys_execve(u64 path, u64 argv, u64 envp) {
  const i64 result = execve(path, argv, envp);
  if (result != 0) rseq::force_update(current_thread());
  return result;
}

} // namespace runnel::user
