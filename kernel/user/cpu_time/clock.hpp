// SPDX-License-Identifier: Apache-2.0
// Finding and reading clocks of processor time.
#pragma once

#include "kernel/lib/errno.hpp"
#include "kernel/user/cpu_time/times.hpp"
#include "kernel/user/tree.hpp"

namespace runnel::user {

/// Reading a process's clock finds it by the number of the calling thread too.
enum class ClockUse : u8 { kRead, kTimer };

/// The process whose clock, or whose thread's, `id` is: empty when there is none that the current thread may
/// use. Whether the thread is there is still to be looked at.
ProcessRef process_of_clock(const CpuClockId& id, ClockUse use);
/// ns. kINVAL: no such clock.
Result<u64> cpu_clock_value(const CpuClockId& id);
/// kINVAL: no such clock.
Result<> check_cpu_clock(const CpuClockId& id);

/// clock_nanosleep by such a clock, result of the system call. `flags`: TIMER_ABSTIME. The length was read.
i64 cpu_clock_sleep(i32 clock, u32 flags, u64 length, u64 remainder_to);

} // namespace runnel::user
