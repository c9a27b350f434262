// SPDX-License-Identifier: Apache-2.0
// exec in a process of several threads: the one that calls it is the only one that is left.
#include "kernel/user/exec.hpp"
#include "kernel/user/pidfd.hpp"
#include "kernel/user/signal/signal.hpp"
#include "kernel/user/tree.hpp"

namespace runnel::user {
namespace {

/// Asks all others to end. kAGAIN: somebody was faster.
Result<> begin(Process& process, Thread& self) {
  const IrqSpinGuard guard(process.lock);
  if (process.exiting || process.exec_thread != nullptr) return err(Errno::kAGAIN);
  process.exec_thread = &self;
  for (Thread& thread : process.threads)
    if (&thread != &self) kick_thread(thread, kWorkExit);
  return {};
}

bool is_alone(Process& process) {
  const IrqSpinGuard guard(process.lock);
  return process.nr_threads == 1 || process.exiting;
}

} // namespace

Result<> be_alone() {
  Thread& self = current_thread();
  Process& process = *self.process;
  if (process.sighand->is_shared()) {
    const auto own = process.sighand->copy();
    if (!own) return err(own.error());
    process.sighand->put();
    process.sighand = *own;
  }
  RUNNEL_TRY(begin(process, self));
  process.thread_ended.wait([&] { return is_alone(process); });
  const SpinGuard tree(tree_lock);
  const IrqSpinGuard guard(process.lock);
  process.exec_thread = nullptr;
  if (process.exiting) return err(Errno::kAGAIN);
  if (self.tid() == process.pid) return {};
  remove_thread(self);
  tell_thread_files(self, 0);
  self.task->pid = process.pid;
  add_thread(self);
  return {};
}

} // namespace runnel::user
