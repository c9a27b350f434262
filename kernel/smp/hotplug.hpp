// SPDX-License-Identifier: Apache-2.0

// CPUs that go down and come up again while the machine runs (spec sched_core 1.20).
#pragma once

#include "kernel/lib/cpumask.hpp"
#include "kernel/lib/errno.hpp"

namespace runnel::smp {

/// Takes `cpu` out: its tasks and timers move to others, it stops. Blocks until migrate-disabled tasks have
/// let it go. kINVAL: not online. kBUSY: the boot CPU, which devices interrupt; or admitted deadline tasks
/// would not fit on the others. Thread context; one change of the set of CPUs at a time.
Result<> cpu_down(CpuId cpu);

/// Starts a CPU again that went down. kINVAL: it is online or there is none such. kNODEV: it does not come.
Result<> cpu_up(CpuId cpu);

/// In the idle loop of a CPU, interrupts off: does not return once cpu_down has asked for that.
void park_if_asked();

} // namespace runnel::smp
