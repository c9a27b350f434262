// SPDX-License-Identifier: Apache-2.0
#include "kernel/user/proc/subject.hpp"

#include "kernel/fs/walk.hpp"

namespace runnel::user {

Task* Subject::task() const {
  const IrqSpinGuard guard(process_->lock);
  for (Thread& thread : process_->threads) {
    if (tid_ != 0 ? thread.tid() != tid_ : thread.tid() != process_->pid && process_->nr_threads != 1)
      continue;
    get_task(*thread.task);
    return thread.task;
  }
  return nullptr;
}

u32 Subject::next_thread(u32 after) const {
  u32 best = 0;
  const IrqSpinGuard guard(process_->lock);
  for (Thread& thread : process_->threads)
    if (thread.tid() > after && (best == 0 || thread.tid() < best)) best = thread.tid();
  return best;
}

u32 Subject::nr_threads() const {
  const IrqSpinGuard guard(process_->lock);
  return process_->nr_threads;
}

// While it is not exiting, by its lock, a process has all three.
Mm* Subject::mm() const {
  const IrqSpinGuard guard(process_->lock);
  if (process_->exiting || process_->mm == nullptr || !process_->mm->try_get()) return nullptr;
  return process_->mm;
}

FileTable* Subject::files() const {
  const IrqSpinGuard guard(process_->lock);
  if (process_->exiting || process_->files == nullptr) return nullptr;
  process_->files->get();
  return process_->files;
}

fs::FsContext* Subject::paths() const {
  const IrqSpinGuard guard(process_->lock);
  if (process_->exiting || process_->paths == nullptr) return nullptr;
  process_->paths->get_ref();
  return process_->paths;
}

} // namespace runnel::user
