// SPDX-License-Identifier: Apache-2.0
// CPUs that go down and come up while the simulated machine runs, as kernel/smp/hotplug.cpp. From task code.
#pragma once

#include "kernel/lib/errno.hpp"
#include "kernel/lib/types.hpp"

namespace runnel::sim {

/// Its tasks and timers move away and it stops. kINVAL: not online. kBUSY: CPU 0, or admitted deadline tasks
/// would not fit. Blocks until migrate-disabled tasks have let it go. One change at a time.
Result<> cpu_down(CpuId cpu);
/// kINVAL: it is online.
Result<> cpu_up(CpuId cpu);

} // namespace runnel::sim
