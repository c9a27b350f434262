// SPDX-License-Identifier: Apache-2.0
// The concurrency ids of an address space (sched/mm_cid.hpp), the ground's part: the sleeping lock, and the
// worker that gives the numbers back to the threads after the scheduler has found, with its locks held, that
// it is time.
#pragma once

#include "kernel/irq/irq_work.hpp"
#include "kernel/smp/cpumask.hpp"
#include "kernel/sync/mutex.hpp"
#include "kernel/task/task.hpp"

#include <sched/mm_cid.hpp>

namespace runnel::user::rseq {

struct CidSpace : sched::MmCid {
  explicit CidSpace(Mm& of) : MmCid(nr_cpus()), mm(of) {}

  Mm& mm;
  Mutex mutex;
  struct Deferral : irq::IrqWork {
    CidSpace* space = nullptr;
  } deferral;
  std::atomic<bool> queued{false}; // for the worker; with a lazy reference to the Mm
  CidSpace* next_queued = nullptr; // its list
};

/// `task` becomes a user of `mm`'s numbers before it can run with it, or because it has just loaded it
/// (exec).
void join(Mm& mm, Task& task);
/// The current task gives up its number, if it has one: it will not be in user mode with its memory again.
void leave();

/// Once, when threads can be made.
void start_worker();

} // namespace runnel::user::rseq
