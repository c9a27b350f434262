// SPDX-License-Identifier: Apache-2.0
// What the fair class (EEVDF, spec 3) keeps in a task and in a runqueue. Owned by sched/fair; the rules are
// in sched/fair/eevdf.hpp.
#pragma once

#include "kernel/lib/list.hpp"
#include "kernel/lib/rbtree.hpp"
#include "kernel/lib/types.hpp"

#include <atomic>
#include <sched/hrtick.hpp>

namespace runnel::sched {

using i128 = __int128;
using u128 = unsigned __int128;

/// Weight of nice 0 in the kernel's fixed point (spec 0): 1024 << 10.
inline constexpr u64 kNice0Load = u64{1} << 20;

/// One competitor (spec 3.1). Virtual times are points on a circle of 2^64 virtual ns: compare them by signed
/// difference only. rq lock.
struct FairEntity {
  RbNode node;       // EevdfQueue::tree, while it is queued and not current
  ListNode all_node; // FairRq::tasks

  // Of the subtree below `node`
  u64 min_vruntime = 0;
  u64 min_slice = 0;
  u64 max_slice = 0;

  u64 weight = kNice0Load;
  u64 vruntime = 0;
  u64 deadline = 0; // virtual; relative to vruntime while rel_deadline
  u64 vprot = 0;    // virtual time up to which it is protected while current
  i64 vlag = 0;     // virtual ns, as of when it left or became delayed
  u64 slice = 700'000;
  bool custom_slice = false; // slice was asked for; else the default
  bool on_rq = false;        // it is in the competition: in the tree, or current
  bool delayed = false;      // it blocked while ineligible and burns its negative lag (spec 3.8)
  bool rel_deadline = false;
};

inline bool earlier_deadline(const FairEntity& a, const FairEntity& b) {
  return static_cast<i64>(a.deadline - b.deadline) < 0;
}

/// Augmentation of the tree (spec 3.4).
struct FairSummary {
  static void update(FairEntity& se, const FairEntity* left, const FairEntity* right) {
    se.min_vruntime = se.vruntime;
    se.min_slice = se.max_slice = se.slice;
    for (const FairEntity* child : {left, right}) {
      if (child == nullptr) continue;
      if (static_cast<i64>(child->min_vruntime - se.min_vruntime) < 0) se.min_vruntime = child->min_vruntime;
      if (child->min_slice < se.min_slice) se.min_slice = child->min_slice;
      if (child->max_slice > se.max_slice) se.max_slice = child->max_slice;
    }
  }
};

using FairTree = RbTree<FairEntity, &FairEntity::node, earlier_deadline, FairSummary>;

/// The competitors of one runqueue (spec 3.3). rq lock.
struct EevdfQueue {
  FairTree tree;                      // queued, by deadline; delayed ones too, the current one not
  i128 sum_weighted_keys = 0;         // S: sum of weight * (vruntime - zero_vruntime) over the tree
  u64 sum_weight = 0;                 // W_tree
  u64 zero_vruntime = 0 - kNice0Load; // v0: starts just below the wrap, so that every boot crosses it
  FairEntity* curr = nullptr;         // who is charged; may have left the competition (on_rq false)
  FairEntity* next = nullptr;         // buddy: runs next if eligible
  u32 nr_queued = 0;                  // tree, and current if it is on_rq
};

void fair_hrtick_fired(port::Timer& timer);

struct FairRq {
  EevdfQueue eevdf;
  List<FairEntity, &FairEntity::all_node> tasks; // on_rq ones, current and delayed included
  u32 nr_queued = 0;                             // delayed ones included
  u32 nr_runnable = 0;                           // without the delayed ones
  std::atomic<u32> nr_idle_policy{0};            // queued SCHED_IDLE tasks; readable without the lock, a hint
  Hrtick hrtick{fair_hrtick_fired};              // with features.hrtick: current's request or protection ends
};

} // namespace runnel::sched
