// SPDX-License-Identifier: Apache-2.0
// What the fair class (EEVDF, spec 3) keeps in a task and in a runqueue. Owned by sched/fair.
#pragma once

#include "kernel/lib/list.hpp"
#include "kernel/lib/rbtree.hpp"
#include "kernel/lib/types.hpp"

namespace runnel::sched {

struct Task;

/// A task as the fair class sees it. rq lock.
struct FairEntity {
  RbNode node;
  ListNode all_node; // FairRq::tasks: what balancing may look at
  Duration slice_left;
  u32 weight = 1024;
  bool on_rq = false;
  bool custom_slice = false;
};

struct FairRq {
  List<FairEntity, &FairEntity::all_node> queue;
  u32 nr_queued = 0;   // delayed ones included
  u32 nr_runnable = 0; // without the delayed ones
};

} // namespace runnel::sched
