// SPDX-License-Identifier: Apache-2.0

// A task may forbid its own migration for a while (spec 1.17).
#pragma once

#include <sched/task.hpp>

namespace runnel::sched {

/// The current task stays on this CPU, though it may be preempted, until as many migrate_enable(). Nests.
void migrate_disable();
void migrate_enable();

/// Called by schedule() before it takes the rq lock, interrupts off: a migrate-disabled task that leaves the
/// CPU has its mask in force narrowed to this CPU.
void pin_migrate_disabled(Task& prev);

class [[nodiscard]] MigrateDisableGuard {
 public:
  MigrateDisableGuard() { migrate_disable(); }
  ~MigrateDisableGuard() { migrate_enable(); }
  MigrateDisableGuard(const MigrateDisableGuard&) = delete;
  MigrateDisableGuard& operator=(const MigrateDisableGuard&) = delete;
};

} // namespace runnel::sched
