// SPDX-License-Identifier: Apache-2.0
// What the deadline class (spec 5) keeps in a task, in a server and in a runqueue. Owned by sched/deadline.
#pragma once

#include "kernel/lib/rbtree.hpp"
#include "kernel/lib/types.hpp"

#include <sched/port.hpp>

namespace runnel::sched {

inline constexpr u64 kSchedFlagReclaim = 2;
inline constexpr u64 kSchedFlagDlOverrun = 4;

/// What a task asks for, in ns (spec 5.1). period 0 means deadline.
struct DlParams {
  u64 runtime = 0;
  u64 deadline = 0;
  u64 period = 0;
  u64 flags = 0;
};

struct DlEntity {
  RbNode node;
  // Static parameters (spec 5.1), ns. 0: not a deadline task.
  u64 dl_runtime = 0;
  u64 dl_deadline = 0;
  u64 dl_period = 0;
  u64 flags = 0; // kSchedFlagReclaim, kSchedFlagDlOverrun
  i64 runtime = 0;
  u64 deadline = 0;
};

struct DlRq {
  u32 nr_running = 0;
};

} // namespace runnel::sched
