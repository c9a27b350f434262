// SPDX-License-Identifier: Apache-2.0
// Earliest eligible virtual deadline first (Stoica, Abdel-Wahab 1995) as spec 3 varies it: the rules over one
// queue. No globals, no locks, no clock: the caller holds the rq lock and says how much time passed. Virtual
// times in virtual ns, slices in ns.
#pragma once

#include "kernel/lib/trace_event.hpp"

#include <sched/fair_entity.hpp>
#include <sched/features.hpp>

namespace runnel::sched::eevdf {

/// What the rules depend on besides the queue.
struct Rules {
  u64 base_slice = 700'000;     // default request
  u64 unscaled_slice = 700'000; // the default before it is scaled by the number of CPUs
  u64 tick = 4'000'000;
  const Features& switches;
};

inline constexpr u64 kMinSlice = 100'000; // custom slices are clamped to this range (spec 3.1)
inline constexpr u64 kMaxSlice = 100'000'000;

/// A request as sched_attr.sched_runtime asks for it; 0 restores the default. The entity is not in a tree.
void set_custom_slice(FairEntity& se, u64 runtime, const Rules& rules);

/// ns of execution as virtual time of `weight`, rounded down.
u64 virtual_time(u64 ns, u64 weight);
inline u64 virtual_slice(const FairEntity& se) { return virtual_time(se.slice, se.weight); }

/// V rounded down, as a point; moves v0 there (spec 3.3).
u64 avg_vruntime(EevdfQueue& q);
/// The same without moving anything.
u64 mean_vruntime(const EevdfQueue& q);
/// W: current included while it competes.
u64 total_weight(const EevdfQueue& q);
/// V >= v, exactly.
bool is_vruntime_eligible(const EevdfQueue& q, u64 vruntime);
inline bool is_eligible(const EevdfQueue& q, const FairEntity& se) {
  return is_vruntime_eligible(q, se.vruntime);
}
/// Over all competitors; ~0 and 0 when there is none.
u64 min_slice(const EevdfQueue& q);
u64 max_slice(const EevdfQueue& q);

/// Takes part from now on (spec 3.7): placed by its stored lag and put into the tree unless it is current.
enum class Join { kAgain, kNew };
void join(EevdfQueue& q, FairEntity& se, Join how, const Rules& rules);
/// The second half of join: counts from now on, at the place it has.
void enter(EevdfQueue& q, FairEntity& se);
/// Leaves; stores the lag. A mover takes the rest of its request and a delay along, a sleeper starts anew.
enum class Leave { kSleeping, kMoving };
void leave(EevdfQueue& q, FairEntity& se, Leave why, const Rules& rules);
/// The first half of join. For a current one this is due before the time that passed is charged, for others
/// after.
void place(EevdfQueue& q, FairEntity& se, Join how, const Rules& rules);

/// Delayed dequeue (spec 3.8). delay: `se` blocks while it is ineligible. undelay: it was woken.
void delay(EevdfQueue& q, FairEntity& se, const Rules& rules);
void undelay(EevdfQueue& q, FairEntity& se, const Rules& rules);

/// A new weight, lag of service and share of the request kept (spec 3.7). Queued or not.
void reweight(EevdfQueue& q, FairEntity& se, u64 weight);

/// `se` becomes current: out of the tree. fresh: it was picked, so a stint with protection begins.
enum class Stint { kFresh, kResumed };
void set_current(EevdfQueue& q, FairEntity& se, Stint stint, const Rules& rules);
/// Nobody is current; who still competes goes back into the tree.
void put_current(EevdfQueue& q);

/// Charges `ns` to current. True: others should have a chance to run (spec 3.6).
bool charge(EevdfQueue& q, u64 ns, const Rules& rules);
/// Current gives its request up, if it is eligible (spec 3.9).
void yield_current(EevdfQueue& q, const Rules& rules);

bool is_protected(const FairEntity& se);
void cancel_protection(FairEntity& se);
/// Current's protection ends no later than the smallest slice from now (spec 3.9).
void shrink_protection(EevdfQueue& q);
/// `se` is nobody's buddy any more.
inline void clear_buddy(EevdfQueue& q, const FairEntity& se) {
  if (q.next == &se) q.next = nullptr;
}

/// Who runs next (spec 3.5); may be a delayed one. kIgnored: neither protection nor buddy count.
enum class Protection { kApplies, kIgnored };
struct Choice {
  FairEntity* entity = nullptr; // nullptr: the queue is empty
  trace::PickReason reason = trace::PickReason::kNone;
};
Choice pick(const EevdfQueue& q, Protection protection, const Rules& rules);

/// What decided, as kSchedPick reports it. `choice.entity` is set.
struct Evidence {
  i64 a = 0; // kProtected: vprot - v; else deadline - V
  i64 lag = 0;
};
Evidence explain(const EevdfQueue& q, const Choice& choice);

} // namespace runnel::sched::eevdf
