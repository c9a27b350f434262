// SPDX-License-Identifier: Apache-2.0
// struct rusage as user programs see it.
#pragma once

#include "kernel/user/clocks.hpp"
#include "kernel/user/wait.hpp"

namespace runnel::user {

struct Rusage {
  Timeval user{}, system{};
  i64 max_resident_kib = 0;
  i64 unused_sizes[3] = {};
  i64 minor_faults = 0, major_faults = 0;
  i64 unused_io[6] = {};
  i64 voluntary_switches = 0, involuntary_switches = 0;

  void set_times(const CpuTimes& times) {
    user = to_timeval(times.user);
    system = to_timeval(times.system);
  }
  void add_switches(const Task& task) {
    voluntary_switches += static_cast<i64>(task.stats.nvcsw);
    involuntary_switches += static_cast<i64>(task.stats.nivcsw);
  }
};
static_assert(sizeof(Rusage) == 144);

inline Rusage to_rusage(const Usage& usage) {
  Rusage told;
  CpuTimes times = usage.own;
  times += usage.children;
  told.set_times(times);
  return told;
}

} // namespace runnel::user
