// SPDX-License-Identifier: Apache-2.0
// Inside of EEVDF: the tree and the sums over it change together (spec 3.3, 3.4).
#pragma once

#include "sched/fair/wide.hpp"

#include <sched/fair_entity.hpp>

namespace runnel::sched::eevdf {

/// v - v0. Stays small because v0 follows the mean.
inline i64 key(const EevdfQueue& q, const FairEntity& se) {
  return static_cast<i64>(se.vruntime - q.zero_vruntime);
}

/// v0 moves by `distance`.
void recentre(EevdfQueue& q, i64 distance);

inline void tree_insert(EevdfQueue& q, FairEntity& se) {
  q.sum_weighted_keys += wide::mul(key(q, se), se.weight);
  q.sum_weight += se.weight;
  q.tree.insert(se);
}

inline void tree_erase(EevdfQueue& q, FairEntity& se) {
  q.tree.erase(se);
  q.sum_weighted_keys -= wide::mul(key(q, se), se.weight);
  q.sum_weight -= se.weight;
}

} // namespace runnel::sched::eevdf
