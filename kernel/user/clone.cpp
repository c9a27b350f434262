// SPDX-License-Identifier: Apache-2.0
#include "kernel/user/clone.hpp"

#include "kernel/fs/walk.hpp"
#include "kernel/user/cpu_time/check.hpp"
#include "kernel/user/exec.hpp"
#include "kernel/user/file/file_table.hpp"
#include "kernel/user/mm/mm.hpp"
#include "kernel/user/pidfd.hpp"
#include "kernel/user/rseq/rseq.hpp"
#include "kernel/user/signal/signal.hpp"
#include "kernel/user/tree.hpp"
#include "kernel/user/uaccess.hpp"

#include <algorithm>
#include <sched/attr.hpp>
#include <sched/sched.hpp>

namespace runnel::user {
namespace {

/// What both kinds of new threads get of the current thread.
void copy_registers(Thread& child, const CloneArgs& args, const arch::UserRegs& regs) {
  Thread& self = current_thread();
  child.regs() = regs;
  child.regs().set_syscall_result(0);
  child.regs().leave_syscall();
  if (args.stack != 0) child.regs().set_sp(args.stack + args.stack_size);
  {
    const PreemptGuard stays;
    arch::user_state_save(self.arch);
    arch::user_state_copy(child.arch, self.arch, child.arch.fpu);
  }
  if (args.has(kCloneSetTls)) arch::set_user_tls(child.arch, args.tls);
  child.signals.blocked = self.signals.blocked;
  child.controls = self.controls;
  child.controls.death_signal = 0;
  if (!args.has(kCloneVm)) rseq::inherit(child, self); // threads and a vfork's child register anew
  if (!args.has(kCloneVm) || args.has(kCloneVfork)) child.signals.altstack = self.signals.altstack;
  if (args.has(kCloneChildClearTid)) child.clear_child_tid = args.child_tid;
  if (args.has(kCloneChildSetTid)) child.set_child_tid = args.child_tid;
}

Result<> copy_memory(Process& child, const Process& parent, const CloneArgs& args) {
  if (args.has(kCloneVm)) {
    parent.mm->get();
    child.mm = parent.mm;
    return {};
  }
  const auto copy = parent.mm->fork();
  if (!copy) return err(copy.error());
  child.mm = *copy;
  return {};
}

Result<> copy_files(Process& child, const Process& parent, const CloneArgs& args) {
  if (args.has(kCloneFiles)) {
    parent.files->get();
    child.files = parent.files;
    return {};
  }
  const auto copy = parent.files->clone();
  if (!copy) return err(copy.error());
  child.files = *copy;
  return {};
}

Result<> copy_paths(Process& child, const Process& parent, const CloneArgs& args) {
  child.paths = args.has(kCloneFs) ? parent.paths : parent.paths->copy().release();
  if (child.paths == nullptr) return err(Errno::kNOMEM);
  if (args.has(kCloneFs)) child.paths->get_ref();
  return {};
}

Result<> copy_handlers(Process& child, const Process& parent, const CloneArgs& args) {
  if (args.has(kCloneSighand)) {
    parent.sighand->get();
    child.sighand = parent.sighand;
    return {};
  }
  const auto copy = parent.sighand->copy();
  if (!copy) return err(copy.error());
  child.sighand = *copy;
  if (args.has(kCloneClearSighand)) child.sighand->reset_handlers();
  return {};
}

Result<Process*> copy_process(const CloneArgs& args) {
  Process& parent = current_process();
  Process* const child = knew<Process>();
  if (child == nullptr) return err(Errno::kNOMEM);
  child->credentials = parent.credentials;
  child->controls.dumpable.store(parent.controls.dumpable.load(std::memory_order_relaxed),
                                 std::memory_order_relaxed);
  child->controls.keep_capabilities.store(parent.controls.keep_capabilities.load(std::memory_order_relaxed),
                                          std::memory_order_relaxed);
  child->no_new_privs = parent.no_new_privs || args.has(kCloneNnp);
  child->autoreap = args.has(kCloneAutoreap);
  child->exit_signal = args.has(kCloneParent) ? parent.exit_signal : static_cast<i32>(args.exit_signal);
  Executable* executable;
  {
    const IrqSpinGuard guard(parent.lock);
    executable = parent.executable;
    if (executable != nullptr) executable->get_ref();
    std::copy(std::begin(parent.comm), std::end(parent.comm), child->comm);
    std::copy(std::begin(parent.limits), std::end(parent.limits), child->limits);
  }
  cpu_limit_changed(*child);
  {
    const IrqSpinGuard guard(child->lock);
    child->executable = executable;
  }
  for (const auto copy : {copy_memory, copy_files, copy_paths, copy_handlers}) {
    if (const Result<> copied = copy(*child, parent, args); !copied) {
      put_process(*child);
      return err(copied.error());
    }
  }
  return child;
}

/// Threads of this user's processes; a zombie counts as one.
u32 nr_threads_of(u32 uid) REQUIRES(tree_lock) {
  u32 count = 0;
  for_each_process([&](Process& process) {
    if (process.credentials.uid != uid) return;
    const IrqSpinGuard guard(process.lock);
    count += std::max(process.nr_threads, u32{1});
  });
  return count;
}

/// A user's threads are limited by RLIMIT_NPROC, which does not bind root. `more`: those that are to come and
/// are not counted yet.
Result<> check_limits(const Process& self, u32 more) REQUIRES(tree_lock) {
  const u32 uid = self.credentials.uid;
  if (uid != 0 && u64{nr_threads_of(uid)} + more > self.limits[kLimitProcesses].soft)
    return err(Errno::kAGAIN);
  constexpr u32 kMostProcesses = 4096; // of the whole machine
  return nr_processes() < kMostProcesses ? Result<>{} : err(Errno::kAGAIN);
}

/// Before anything is made, which would be in vain.
Result<> check_limits_early(const Process& self) {
  const SpinGuard guard(tree_lock);
  return check_limits(self, 1);
}

/// The descriptor clone gives for the new process (E13, E14): reserved, told to the user, and there when
/// nothing can fail any more.
class NewPidfd {
 public:
  NewPidfd() = default;
  ~NewPidfd() {
    if (fd_ >= 0) current_process().files->cancel(fd_);
  }
  NewPidfd(const NewPidfd&) = delete;
  NewPidfd& operator=(const NewPidfd&) = delete;

  Result<> prepare(Thread& thread, const CloneArgs& args) {
    if (!args.has(kClonePidfd)) return {};
    auto file = create(thread, args);
    if (!file) return err(file.error());
    file_ = std::move(*file);
    Process& self = current_process();
    const auto fd = self.files->reserve(FileTable::OnExec::kClose, self.limits[kLimitFiles].soft);
    if (!fd) return err(fd.error());
    fd_ = *fd;
    return write_user(args.pidfd, fd_);
  }
  void commit(const CloneArgs& args) {
    if (fd_ < 0) return;
    if (args.has(kClonePidfdAutokill)) PidFile::from(*file_)->kill_at_end();
    current_process().files->commit(std::exchange(fd_, -1), std::move(file_));
  }

 private:
  static Result<fs::FilePtr> create(Thread& thread, const CloneArgs& args) {
    if (!args.has(kCloneThread)) return PidFile::create(*thread.process, PidFile::Scope::kProcess, 0);
    const SpinGuard guard(tree_lock);
    return PidFile::create(thread, 0);
  }

  i32 fd_ = -1;
  fs::FilePtr file_;
};

/// Into the tree, unless a fatal signal came for the parent (E16), or others were faster to the limit.
Result<> publish(Process& process, Thread& thread, const CloneArgs& args) {
  Process& self = current_process();
  const SpinGuard guard(tree_lock);
  if (current_task().signals.load(std::memory_order_relaxed) & sched::kFatalSignalPending)
    return err(Errno::kINTR);
  const bool is_counted = args.has(kCloneThread); // as one of the process's
  RUNNEL_TRY(check_limits(self, is_counted ? 0 : 1));
  if (!args.has(kCloneThread)) {
    process.pid = thread.tid();
    process.pgid = self.pgid;
    process.sid = self.sid;
    const bool sibling = args.has(kCloneParent) && self.parent != nullptr;
    add_process(process, sibling ? *self.parent : self);
  }
  add_thread(thread);
  return {};
}

/// The parent of a vfork sleeps until the child needs its memory no more; only a fatal signal ends that.
void wait_for_vfork(Process& child) {
  for (;;) {
    sched::set_current_state(sched::kKillable);
    if (child.vfork_done.load(std::memory_order_acquire)) break;
    if (current_task().signal_pending_state(sched::kKillable)) break;
    sched::schedule();
  }
  current_task().state.store(sched::kRunning, std::memory_order_relaxed);
  // Killed meanwhile: the child must not wake who is gone.
  const IrqSpinGuard guard(child.lock);
  child.vfork_parent = nullptr;
}

} // namespace

Result<u32> do_clone(const CloneArgs& args, const arch::UserRegs& regs) {
  Process& self = current_process();
  RUNNEL_TRY(check_clone(args, {.is_namespace_init = false, .is_autoreap = self.autoreap}));
  if (signal_pending()) return err(Errno::kINTR);
  if (args.has(kCloneNamespaces | kCloneIntoCgroup) || args.set_tid_size != 0)
    return err(Errno::kINVAL); // as Linux built without namespaces
  if (args.has(kClonePidfdAutokill) && !args.has(kCloneNnp) && self.credentials.euid != 0)
    return err(Errno::kPERM);
  RUNNEL_TRY(check_limits_early(self));
  const bool new_process = !args.has(kCloneThread);
  Process* process = &self;
  if (new_process) {
    const auto made = copy_process(args);
    if (!made) return err(made.error());
    process = *made;
  }
  const ProcessRef creation(new_process ? process : nullptr); // dropped at the end, the tree has its own
  const Result<Thread*> made = create_thread(*process, current_task().comm);
  if (!made) return err(made.error());
  Thread& child = **made;
  copy_registers(child, args, regs);
  const u32 tid = child.tid();
  Result<> ready = sched::sched_fork(*child.task);
  NewPidfd pidfd;
  if (ready) ready = pidfd.prepare(child, args);
  if (ready && args.has(kCloneParentSetTid)) (void)write_user(args.parent_tid, tid);
  if (ready) ready = publish(*process, child, args);
  if (!ready) {
    discard_thread(child);
    return err(ready.error());
  }
  pidfd.commit(args);
  const bool vfork = args.has(kCloneVfork) && new_process;
  if (vfork) {
    const IrqSpinGuard guard(process->lock);
    process->vfork_parent = &current_task();
  }
  start_thread(child);
  if (vfork) wait_for_vfork(*process);
  return tid;
}

} // namespace runnel::user
