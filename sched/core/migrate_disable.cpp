// SPDX-License-Identifier: Apache-2.0

// migrate_disable and migrate_enable (spec 1.17).
#include "sched/core/affinity.hpp"

#include <sched/migrate_disable.hpp>
#include <sched/sched_class.hpp>

namespace runnel::sched {

void migrate_disable() {
  Task& p = current();
  if (p.migration_disabled != 0) {
    ++p.migration_disabled;
    return;
  }
  const port::PreemptGuard no_preempt; // the count and the CPU it is charged to go together
  this_rq().nr_pinned.fetch_add(1, std::memory_order_relaxed);
  p.migration_disabled = 1;
}

void pin_migrate_disabled(Task& prev) NO_THREAD_SAFETY_ANALYSIS {
  if (prev.migration_disabled == 0 || prev.cpus_ptr != &prev.cpus_mask) return;
  const port::IrqLockGuard pi(prev.pi_lock);
  TaskRqLock locked(prev);
  Rq& rq = locked.rq();
  update_rq_clock(rq);
  const SchedChange change(rq, prev, *prev.sched_class, kFlagSave);
  prev.single_cpu = CpuMask::of(rq.cpu);
  prev.cpus_ptr = &prev.single_cpu;
}

void migrate_enable() {
  Task& p = current();
  if (p.migration_disabled > 1) {
    --p.migration_disabled;
    return;
  }
  unpin_migrate_disabled(p);
}

} // namespace runnel::sched
