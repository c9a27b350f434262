// SPDX-License-Identifier: Apache-2.0
// What a workload needs of the ground it runs on, beside sched/ and sched::port. The kernel gives it real
// threads (kernel_ground.hpp), the host tool those of the simulated machine (found as <workload_ground.hpp>
// by include path). Either provides, in runnel::workload::ground:
//   SpinLock, SpinGuard, LockRank   preemption is off while it is held; wake-ups are made under it
//   allocate(bytes), release(pointer)
//   create(name, body, arg, cpus)   Result<sched::Task*>: a thread that runs; kNOMEM, kINVAL: no CPU for it
//   join(task)            until it has ended; once a thread
//   wrote(bytes)          that much memory was written
//   burn(left)            keeps the CPU busy for a moment: a microsecond or so, at most about `left`
//   sleep_step(until)     after set_current_state: blocks until a wake-up, at most until then
//   yield(), print_line(text)
#pragma once

#ifdef RUNNEL_HOSTED
#include <workload_ground.hpp>
#else
#include "kernel/workload/kernel_ground.hpp"
#endif
