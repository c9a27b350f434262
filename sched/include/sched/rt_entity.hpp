// SPDX-License-Identifier: Apache-2.0
// What the realtime class (spec 4) keeps in a task and in a runqueue. Owned by sched/rt.
#pragma once

#include "kernel/lib/rbtree.hpp"
#include "sched/rt/prio_array.hpp"

#include <atomic>
#include <sched/balance_callback.hpp>
#include <sched/port.hpp>

namespace runnel::sched {

/// Default slice of SCHED_RR (spec 4 RT3).
inline constexpr Duration kRrTimeslice = 100_ms;
constexpr u32 rr_ticks(Duration slice) {
  return static_cast<u32>((slice.ns + port::kTick.ns - 1) / port::kTick.ns);
}

/// A task as the realtime class sees it. rq lock.
struct RtEntity {
  PrioNode run;         // in RtRq::active while it is runnable, also while it runs
  RbNode pushable_node; // in RtRq::pushable while it waits and may run elsewhere
  i32 pushable_prio = kMaxRtPrio;
  u32 ticks_left = rr_ticks(kRrTimeslice);
  u32 ticks_run = 0; // since it last slept (RT10)
};

inline bool is_more_urgent(const RtEntity& a, const RtEntity& b) { return a.pushable_prio < b.pushable_prio; }

/// rq lock; the two `highest` are also looked at without it, by CPUs that want to push here or pull from
/// here.
struct RtRq {
  PrioArray active;
  u32 nr_running = 0;
  std::atomic<i32> highest{PrioArray::kEmpty};          // of active
  std::atomic<i32> highest_pushable{PrioArray::kEmpty}; // of pushable
  RbTree<RtEntity, &RtEntity::pushable_node, is_more_urgent> pushable;
  bool overloaded = false; // pushable is not empty; published in the root domain while the rq is online (B10)
  bool push_wanted = false; // the next schedule() is to push
  BalanceCallback push;
  BalanceCallback pull;

  i32 highest_prio() const { return highest.load(std::memory_order_relaxed); }
  i32 highest_pushable_prio() const { return highest_pushable.load(std::memory_order_relaxed); }
};

} // namespace runnel::sched
