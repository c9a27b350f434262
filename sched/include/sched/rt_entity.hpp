// SPDX-License-Identifier: Apache-2.0
// What the realtime class (spec 4) keeps in a task and in a runqueue. Owned by sched/rt.
#pragma once

#include "kernel/lib/list.hpp"
#include "kernel/lib/types.hpp"

namespace runnel::sched {

struct RtEntity {
  ListNode run_list;
};

struct RtRq {
  u32 nr_running = 0;
};

} // namespace runnel::sched
