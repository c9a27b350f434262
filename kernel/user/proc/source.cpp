// SPDX-License-Identifier: Apache-2.0
// The answers of the tree of processes and of signals to what /proc asks. Pid namespaces put others in their
// place.
#include "kernel/user/proc/source.hpp"

#include "kernel/user/tree.hpp"
#include "kernel/user/wait.hpp"

namespace runnel::user {
namespace {

u32 next_pid(u32 after) {
  u32 best = 0;
  const SpinGuard guard(tree_lock);
  for_each_process([&](Process& process) {
    if (process.pid > after && (best == 0 || process.pid < best)) best = process.pid;
  });
  return best;
}

void signals_of(Process& process, Thread* thread, ProcDetails& to) {
  const IrqSpinGuard guard(process.lock);
  to.no_new_privileges = process.no_new_privs;
  to.shared_pending = process.signals.shared.set().bits;
  for (Thread& t : process.threads) {
    if (&t != thread) continue; // it may be gone: only what is still in the list is looked at
    to.pending = t.signals.pending.set().bits;
    to.blocked = t.signals.blocked.bits;
  }
  if (process.sighand == nullptr || process.exiting) return;
  for (i32 sig = 1; sig <= kNrSignals; ++sig) {
    const SigAction action = process.sighand->action(sig);
    const u64 bit = u64{1} << (sig - 1);
    if (action.is_ignore()) to.ignored |= bit;
    if (action.is_handler()) to.caught |= bit;
  }
}

void details(Process& process, Thread* thread, ProcDetails& to) {
  {
    const SpinGuard guard(tree_lock);
    to.parent = process.parent != nullptr ? process.parent->pid : 0;
    to.group = process.pgid;
    to.session = process.sid;
    to.is_zombie = process.state != ProcessState::kAlive;
  }
  signals_of(process, thread, to);
  const CpuTimes times = process.cpu.times();
  to.user_ns = times.user;
  to.system_ns = times.system;
}

} // namespace

constinit ProcSource proc_source{
    .find = [](u32 pid) { return find_process(pid).release(); },
    .next = next_pid,
    .details = details,
    .last_pid = [] { return current_task().pid; }, // seam (pid namespaces): the newest number
    .pid_max = [] { return u32{32768}; },
    .set_pid_max = [](u32) -> Result<> { return err(Errno::kINVAL); },
};

} // namespace runnel::user
