// SPDX-License-Identifier: Apache-2.0
// EEVDF: sums, eligibility, pick, protection and the charge of the current entity (spec 3.3 to 3.6).
#include "sched/fair/eevdf.hpp"

#include "sched/fair/eevdf_tree.hpp"
#include "sched/fair/wide.hpp"

namespace runnel::sched::eevdf {
namespace {

struct Sums {
  i128 weighted_keys;
  u64 weight;
};

/// S and W with current on the fly.
Sums sums(const EevdfQueue& q) {
  Sums s{q.sum_weighted_keys, q.sum_weight};
  if (q.curr != nullptr && q.curr->on_rq) {
    s.weighted_keys += wide::mul(key(q, *q.curr), q.curr->weight);
    s.weight += q.curr->weight;
  }
  return s;
}

bool is_key_eligible(const Sums& s, i64 key) { return s.weighted_keys >= wide::mul(key, s.weight); }

i64 mean_key(const EevdfQueue& q) {
  const Sums s = sums(q);
  return s.weight == 0 ? 0 : wide::div_floor(s.weighted_keys, s.weight);
}

void start_request(EevdfQueue& q, FairEntity& se, const Rules& rules) {
  if (!se.custom_slice) se.slice = rules.base_slice;
  se.deadline = se.vruntime + virtual_slice(se);
  avg_vruntime(q);
}

/// Of those in the tree the eligible one with the earliest deadline. A subtree holds an eligible member iff
/// its smallest vruntime is eligible; everything to the left is earlier.
FairEntity* earliest_eligible(const EevdfQueue& q, const Sums& s) {
  FairEntity* first = q.tree.first();
  if (first != nullptr && is_key_eligible(s, key(q, *first))) return first;
  for (FairEntity* se = q.tree.root(); se != nullptr;) {
    FairEntity* left = FairTree::left(*se);
    if (left != nullptr && is_key_eligible(s, static_cast<i64>(left->min_vruntime - q.zero_vruntime))) {
      se = left;
      continue;
    }
    if (is_key_eligible(s, key(q, *se))) return se;
    se = FairTree::right(*se);
  }
  return nullptr;
}

} // namespace

void set_custom_slice(FairEntity& se, u64 runtime, const Rules& rules) {
  se.custom_slice = runtime != 0;
  if (!se.custom_slice)
    se.slice = rules.base_slice;
  else
    se.slice = runtime < kMinSlice ? kMinSlice : runtime > kMaxSlice ? kMaxSlice : runtime;
}

u64 virtual_time(u64 ns, u64 weight) {
  if (weight == kNice0Load) return ns;
  if (ns < u64{1} << 44) return ns * kNice0Load / weight;
  return wide::div(static_cast<u128>(ns) * kNice0Load, weight); // hours in one go: the machine was stopped
}

void recentre(EevdfQueue& q, i64 distance) {
  q.sum_weighted_keys -= wide::mul(distance, q.sum_weight);
  q.zero_vruntime += static_cast<u64>(distance);
}

u64 avg_vruntime(EevdfQueue& q) {
  recentre(q, mean_key(q));
  return q.zero_vruntime;
}

u64 mean_vruntime(const EevdfQueue& q) { return q.zero_vruntime + static_cast<u64>(mean_key(q)); }

u64 total_weight(const EevdfQueue& q) { return sums(q).weight; }

bool is_vruntime_eligible(const EevdfQueue& q, u64 vruntime) {
  return is_key_eligible(sums(q), static_cast<i64>(vruntime - q.zero_vruntime));
}

u64 min_slice(const EevdfQueue& q) {
  u64 least = q.curr != nullptr && q.curr->on_rq ? q.curr->slice : ~u64{0};
  if (const FairEntity* root = q.tree.root(); root != nullptr && root->min_slice < least)
    least = root->min_slice;
  return least;
}

u64 max_slice(const EevdfQueue& q) {
  u64 most = q.curr != nullptr && q.curr->on_rq ? q.curr->slice : 0;
  if (const FairEntity* root = q.tree.root(); root != nullptr && root->max_slice > most)
    most = root->max_slice;
  return most;
}

void set_current(EevdfQueue& q, FairEntity& se, Stint stint, const Rules& rules) {
  clear_buddy(q, se);
  if (se.on_rq) {
    tree_erase(q, se);
    if (stint == Stint::kFresh) {
      q.curr = &se; // its own slice counts in the minimum
      const u64 others = rules.switches.run_to_parity ? min_slice(q) : rules.unscaled_slice;
      se.vprot = se.deadline;
      if (others < se.slice) {
        const u64 limit = se.vruntime + virtual_time(others, se.weight);
        if (static_cast<i64>(limit - se.vprot) < 0) se.vprot = limit;
      }
    }
  }
  q.curr = &se;
}

void put_current(EevdfQueue& q) {
  FairEntity* se = q.curr;
  q.curr = nullptr;
  if (se != nullptr && se->on_rq) tree_insert(q, *se);
}

bool charge(EevdfQueue& q, u64 ns, const Rules& rules) {
  FairEntity& se = *q.curr;
  se.vruntime += virtual_time(ns, se.weight);
  const bool expired = static_cast<i64>(se.vruntime - se.deadline) >= 0;
  if (expired) start_request(q, se, rules);
  const bool alone = q.nr_queued <= (se.on_rq ? 1u : 0u);
  if (alone || (!expired && is_protected(se))) return false;
  clear_buddy(q, se);
  return true;
}

void yield_current(EevdfQueue& q, const Rules& rules) {
  FairEntity& se = *q.curr;
  if (!is_eligible(q, se)) return;
  se.vruntime = se.deadline;
  start_request(q, se, rules);
}

bool is_protected(const FairEntity& se) { return static_cast<i64>(se.vruntime - se.vprot) < 0; }

void cancel_protection(FairEntity& se) {
  if (is_protected(se)) se.vprot = se.vruntime;
}

void shrink_protection(EevdfQueue& q) {
  FairEntity& se = *q.curr;
  const u64 limit = se.vruntime + virtual_time(min_slice(q), se.weight);
  if (static_cast<i64>(limit - se.vprot) < 0) se.vprot = limit;
}

Choice pick(const EevdfQueue& q, Protection protection, const Rules& rules) {
  using trace::PickReason;
  FairEntity* curr = q.curr != nullptr && q.curr->on_rq ? q.curr : nullptr;
  if (q.nr_queued <= 1)
    return {curr != nullptr ? curr : q.tree.first(),
            q.nr_queued == 0 ? PickReason::kNone : PickReason::kOnlyOne};

  const bool applies = protection == Protection::kApplies;
  if (applies && rules.switches.pick_buddy && q.next != nullptr && q.next->on_rq && is_eligible(q, *q.next))
    return {q.next, PickReason::kBuddy};

  const Sums s = sums(q);
  if (curr != nullptr && !is_key_eligible(s, key(q, *curr))) curr = nullptr;
  if (curr != nullptr && applies && is_protected(*curr)) return {curr, PickReason::kProtected};

  FairEntity* best = earliest_eligible(q, s);
  if (best == nullptr || (curr != nullptr && earlier_deadline(*curr, *best)))
    return {curr, PickReason::kCurrentBest};
  return {best, PickReason::kEarliestEligible};
}

Evidence explain(const EevdfQueue& q, const Choice& choice) {
  const FairEntity& se = *choice.entity;
  const u64 mean = mean_vruntime(q);
  const u64 a = choice.reason == trace::PickReason::kProtected ? se.vprot - se.vruntime : se.deadline - mean;
  return {static_cast<i64>(a), static_cast<i64>(mean - se.vruntime)};
}

} // namespace runnel::sched::eevdf
