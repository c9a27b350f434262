// SPDX-License-Identifier: Apache-2.0
// The definitions of spec 3.1 in big integers, by looking at every competitor: what the queue's shortcuts are
// held against.
#pragma once

#include "tests/sched/eevdf_arena.hpp"

#include <boost/multiprecision/cpp_int.hpp>

namespace runnel::sched::test {

using Big = boost::multiprecision::int512_t;

/// V as a fraction over W, measured from `origin` (some competitor's vruntime).
struct ExactMean {
  u64 origin = 0;
  Big sum = 0;    // sum of w_i * (v_i - origin)
  Big weight = 0; // W

  explicit ExactMean(const std::vector<FairEntity*>& members) {
    if (members.empty()) return;
    origin = members.front()->vruntime;
    for (const FairEntity* se : members) {
      sum += Big(se->weight) * distance(se->vruntime);
      weight += se->weight;
    }
  }
  Big distance(u64 point) const { return Big(static_cast<i64>(point - origin)); }
  /// (V - point) * W
  Big lag_times_weight(u64 point) const { return sum - distance(point) * weight; }
  bool eligible(const FairEntity& se) const { return lag_times_weight(se.vruntime) >= 0; }
};

/// Spec 3.5 to the letter, over a list in the order of the tree (ties stable).
inline const FairEntity* brute_force_pick(const Arena& arena, eevdf::Protection protection) {
  const EevdfQueue& q = arena.q;
  const std::vector<FairEntity*> members = arena.members();
  const ExactMean mean(members);
  const bool applies = protection == eevdf::Protection::kApplies;
  if (members.empty()) return nullptr;
  if (members.size() == 1) return members.front();
  if (applies && arena.features.pick_buddy && q.next != nullptr && mean.eligible(*q.next)) return q.next;
  const FairEntity* curr = q.curr != nullptr && q.curr->on_rq && mean.eligible(*q.curr) ? q.curr : nullptr;
  if (curr != nullptr && applies && static_cast<i64>(curr->vruntime - curr->vprot) < 0) return curr;
  const FairEntity* best = nullptr;
  for (const FairEntity* se = q.tree.first(); se != nullptr; se = FairTree::next(*se))
    if (mean.eligible(*se) && (best == nullptr || static_cast<i64>(se->deadline - best->deadline) < 0))
      best = se;
  if (best == nullptr) return curr;
  return curr != nullptr && static_cast<i64>(curr->deadline - best->deadline) < 0 ? curr : best;
}

} // namespace runnel::sched::test
