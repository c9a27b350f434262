// SPDX-License-Identifier: Apache-2.0
// What was used: processor time of threads and processes, the machine's memory.
#include "kernel/mm/page_alloc.hpp"
#include "kernel/task/task.hpp"
#include "kernel/time/clock.hpp"
#include "kernel/user/calls.hpp"
#include "kernel/user/clocks.hpp"
#include "kernel/user/process.hpp"
#include "kernel/user/rusage.hpp"
#include "kernel/user/syscall.hpp"
#include "kernel/user/tree.hpp"
#include "kernel/user/uaccess.hpp"

namespace runnel::user {
namespace {

constexpr u64 kClockTick = 10'000'000; // ns of one unit of times(): 100 Hz

void add_switches(Rusage& to, const Task& task) {
  to.voluntary_switches += static_cast<i64>(task.stats.nvcsw);
  to.involuntary_switches += static_cast<i64>(task.stats.nivcsw);
}

struct Sysinfo {
  i64 uptime = 0;
  u64 loads[3] = {};
  u64 total = 0, free = 0, shared = 0, buffers = 0, total_swap = 0, free_swap = 0;
  u16 processes = 0;
  u64 total_high = 0, free_high = 0;
  u32 unit = 1;
};
static_assert(sizeof(Sysinfo) == 112);

CpuTimes children_times() {
  const SpinGuard guard(tree_lock);
  return current_process().children_times;
}

} // namespace

i64 sys_getrusage(i32 who, u64 to) {
  constexpr i32 kSelf = 0, kChildren = -1, kThread = 1;
  Rusage usage;
  switch (who) {
  case kSelf: {
    Process& process = current_process();
    usage.set_times(process.cpu.times());
    const IrqSpinGuard guard(process.lock);
    for (const Thread& thread : process.threads) add_switches(usage, *thread.task);
    break;
  }
  case kThread:
    usage.set_times(current_process().cpu.times_of(current_thread().cpu));
    add_switches(usage, current_task());
    break;
  case kChildren:
    usage.set_times(children_times());
    break;
  default:
    return negative(Errno::kINVAL);
  }
  return to_syscall(write_user(to, usage));
}

i64 sys_times(u64 to) {
  struct Times {
    u64 user, system, children_user, children_system;
  };
  if (to != 0) {
    const CpuTimes own = current_process().cpu.times(), children = children_times();
    const Times times{own.user / kClockTick, own.system / kClockTick, children.user / kClockTick,
                      children.system / kClockTick};
    if (const auto written = write_user(to, times); !written) return negative(written.error());
  }
  return static_cast<i64>(time::now().ns / kClockTick);
}

i64 sys_sysinfo(u64 to) {
  const mm::PageStats pages = mm::page_stats();
  Sysinfo info;
  info.uptime = to_timespec(time::now().ns).seconds;
  info.total = pages.total * kPageSize;
  info.free = (pages.free + pages.cached) * kPageSize;
  info.processes = static_cast<u16>(nr_tasks());
  return to_syscall(write_user(to, info));
}

} // namespace runnel::user
