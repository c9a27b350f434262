// SPDX-License-Identifier: Apache-2.0
#include "kernel/user/timers/process_timers.hpp"

#include "kernel/mm/kmalloc.hpp"
#include "kernel/user/process.hpp"

namespace runnel::user {

ProcessTimers::ProcessTimers(Process& process) : real(process, {.signo = kSigAlrm, .code = kSiKernel}) {}

PosixTimer* ProcessTimers::find(i32 id) {
  for (PosixTimer& timer : posix)
    if (timer.id() == id) return &timer;
  return nullptr;
}

void ProcessTimers::delete_posix() {
  const MutexGuard guard(lock);
  while (PosixTimer* const timer = posix.pop_front()) mm::kdelete(timer);
  nr_posix = 0;
}

Result<ProcessTimers*> own_timers() {
  Process& process = current_process();
  ProcessTimers* timers = process.timers.load(std::memory_order_acquire);
  if (timers != nullptr) return timers;
  ProcessTimers* const fresh = mm::knew<ProcessTimers>(process);
  if (fresh == nullptr) return err(Errno::kNOMEM);
  // Release: whoever finds it finds it constructed; acquire: another thread's, if that was first.
  if (process.timers.compare_exchange_strong(timers, fresh, std::memory_order_acq_rel)) return fresh;
  mm::kdelete(fresh);
  return timers;
}

void free_timers(Process& process) {
  if (ProcessTimers* const timers = process.timers.exchange(nullptr, std::memory_order_acq_rel))
    mm::kdelete(timers);
}

} // namespace runnel::user
