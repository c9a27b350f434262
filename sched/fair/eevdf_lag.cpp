// SPDX-License-Identifier: Apache-2.0
// EEVDF: what a competitor keeps when it leaves, comes back, sleeps while it owes time, or changes its weight
// (spec 3.7, 3.8).
#include "sched/fair/eevdf.hpp"
#include "sched/fair/eevdf_tree.hpp"
#include "sched/fair/wide.hpp"

namespace runnel::sched::eevdf {
namespace {

constexpr i64 clamp(i64 value, i64 limit) { return value > limit ? limit : value < -limit ? -limit : value; }

/// V - v, held within what a correct schedule can produce: nobody may collect lag by tricks.
i64 clamped_lag(EevdfQueue& q, const FairEntity& se, const Rules& rules) {
  const u64 mean = avg_vruntime(q);
  const u64 limit = virtual_time(max_slice(q) + rules.tick, se.weight);
  return clamp(static_cast<i64>(mean - se.vruntime), static_cast<i64>(limit));
}

/// A delayed one only works its debt off: the stored lag never falls, and never becomes a credit.
i64 delayed_lag(i64 computed, i64 stored, const Rules& rules) {
  const i64 lag = computed > stored ? computed : stored;
  return rules.switches.delay_zero && lag > 0 ? 0 : lag;
}

void update_lag(EevdfQueue& q, FairEntity& se, const Rules& rules) {
  const i64 lag = clamped_lag(q, se, rules);
  se.vlag = se.delayed ? delayed_lag(lag, se.vlag, rules) : lag;
}

/// Out of the competition, without a word about lag.
void withdraw(EevdfQueue& q, FairEntity& se) {
  if (&se != q.curr) tree_erase(q, se);
  se.on_rq = false;
  --q.nr_queued;
}

} // namespace

void place(EevdfQueue& q, FairEntity& se, Join how, const Rules& rules) {
  const u64 mean = avg_vruntime(q);
  if (!se.custom_slice) se.slice = rules.base_slice;

  i64 lag = 0;
  if (rules.switches.place_lag && q.nr_queued != 0 && se.vlag != 0) {
    // Joining moves V towards se: to keep `vlag` afterwards it must start with (W + w) / W of it.
    const u64 load = total_weight(q);
    lag = wide::mul_div(se.vlag, load + se.weight, load);
    if (se.weight > load) recentre(q, -lag); // V will be near se: so shall v0
  }
  se.vruntime = mean - static_cast<u64>(lag);

  if (rules.switches.place_rel_deadline && se.rel_deadline) {
    se.deadline += se.vruntime;
    se.rel_deadline = false;
    return;
  }
  se.rel_deadline = false;
  u64 request = virtual_slice(se);
  // The others are half through their requests on average: a new one joins in the same way.
  if (rules.switches.place_deadline_initial && how == Join::kNew) request /= 2;
  se.deadline = se.vruntime + request;
}

void enter(EevdfQueue& q, FairEntity& se) {
  if (&se != q.curr) tree_insert(q, se);
  se.on_rq = true;
  ++q.nr_queued;
}

void join(EevdfQueue& q, FairEntity& se, Join how, const Rules& rules) {
  place(q, se, how, rules);
  enter(q, se);
}

void leave(EevdfQueue& q, FairEntity& se, Leave why, const Rules& rules) {
  clear_buddy(q, se);
  update_lag(q, se, rules);
  if (rules.switches.place_rel_deadline && why == Leave::kMoving) {
    se.deadline -= se.vruntime;
    se.rel_deadline = true;
  }
  withdraw(q, se);
  if (why == Leave::kSleeping) se.delayed = false;
}

void delay(EevdfQueue& q, FairEntity& se, const Rules& rules) {
  clear_buddy(q, se);
  update_lag(q, se, rules);
  se.delayed = true;
}

void undelay(EevdfQueue& q, FairEntity& se, const Rules& rules) {
  const i64 computed = clamped_lag(q, se, rules);
  const i64 result = delayed_lag(computed, se.vlag, rules);
  se.vlag = result;
  if (result != computed) {
    withdraw(q, se);
    place(q, se, Join::kAgain, rules);
    enter(q, se);
  }
  se.delayed = false;
}

void reweight(EevdfQueue& q, FairEntity& se, u64 weight) {
  const u64 old = se.weight;
  if (weight == old) return;
  const auto scaled = [&](i64 virtual_ns) { return wide::mul_div(virtual_ns, old, weight); };
  const auto scaled_point = [&](u64 distance) {
    return static_cast<u64>(scaled(static_cast<i64>(distance)));
  };
  se.vlag = scaled(se.vlag);
  if (!se.on_rq) {
    if (se.rel_deadline) se.deadline = scaled_point(se.deadline);
    se.weight = weight;
    return;
  }
  // Everything is measured from V, which stays where it is.
  const u64 mean = avg_vruntime(q);
  const i64 lag = scaled(static_cast<i64>(mean - se.vruntime));
  const bool keep_protection = &se == q.curr && is_protected(se);
  if (&se != q.curr) tree_erase(q, se);
  se.deadline = mean + scaled_point(se.deadline - mean);
  if (keep_protection) se.vprot = mean + scaled_point(se.vprot - mean);
  se.vruntime = mean - static_cast<u64>(lag);
  se.weight = weight;
  if (&se != q.curr) tree_insert(q, se);
}

} // namespace runnel::sched::eevdf
