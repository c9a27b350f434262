// SPDX-License-Identifier: Apache-2.0
// Signals for threads that run too long: RLIMIT_RTTIME of real-time ones (spec RT10), the overrun of a
// deadline task that asked to be told (spec 5.3). The scheduler notices at a tick, with a queue locked; the
// signal is sent on the way back to user mode.
#pragma once

#include "kernel/user/thread.hpp"

namespace runnel::user {

/// From now on the scheduler tells. Once, before the first program.
void connect_cpu_limits();

/// kWorkCpuLimits, on the way to user mode: sends what is due. Interrupts on.
void check_cpu_limits(Thread& self);

} // namespace runnel::user
