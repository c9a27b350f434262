// SPDX-License-Identifier: Apache-2.0
// What processor time brings about: the tick counts it and sees that something may have been reached, the way
// to user mode carries it out (kWorkCpuTimers).
#pragma once

#include "kernel/user/thread.hpp"

namespace runnel::user {

/// From now on the tick counts. Once, before the first program.
void connect_cpu_time();

/// kWorkCpuTimers, on the way to user mode: fires timers and itimers, obeys RLIMIT_CPU. Interrupts on.
void check_cpu_timers(Thread& self);

/// RLIMIT_CPU of `process` was set. No lock held.
void cpu_limit_changed(Process& process);

} // namespace runnel::user
