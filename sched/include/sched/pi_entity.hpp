// SPDX-License-Identifier: Apache-2.0
// Priority inheritance and proxy execution: what a task carries for them (spec 4.1, 6). Owned by sched/pi.
#pragma once

#include "kernel/lib/rbtree.hpp"
#include "kernel/lib/types.hpp"

namespace runnel::sched {

struct Task;

struct PiEntity {
  Task* top_task =
      nullptr; // who lends its priority: the best waiter of all mutexes this task owns; rq lock + pi_lock
};

} // namespace runnel::sched
