// SPDX-License-Identifier: Apache-2.0
// The states of a deferred server (spec 5.8) as a machine: events change the entity, and say what is to be
// done with its timer and its place in the queue. No queue, no timer, no lock.
#pragma once

#include "sched/deadline/cbs.hpp"

#include <optional>

namespace runnel::sched::server_rules {

/// The table of spec 5.8.
enum class State {
  kInit,           // A: not started
  kZeroLaxityWait, // B: its class may get enough without it; the timer is at deadline - runtime
  kIdleWait,       // C: as B while the CPU idles
  kRunning,        // D: queued as a deadline entity
  kReplenishWait,  // E: used up; the timer is at the next period
};
/// Nothing: flags that no state has.
std::optional<State> state_of(const DlEntity& se);

/// What the caller does after an event, in this order.
struct Step {
  enum class Queue { kKeep, kEnqueue, kDequeue } queue = Queue::kKeep;
  enum class Timer { kKeep, kArm, kDisarm } timer = Timer::kKeep;
  u64 due = 0; // kArm: rq clock

  bool is_nothing() const { return queue == Queue::kKeep && timer == Timer::kKeep; }
};

enum class ChargedBy { kClass, kIdle };

/// Background use smaller than this does not put the timer off once more.
inline constexpr u64 kLeastDelay = 1'000'000;

/// The first task of its class was queued.
Step start(DlEntity& se, u64 now);
/// There is nothing for it to do, or its CPU goes down.
Step stop(DlEntity& se);
/// Its class ran, or the CPU idled, for `delta` ns.
Step charge(DlEntity& se, u64 delta, ChargedBy by, u64 now);
/// The usual case of it, apart because it is on every way through the scheduler: something is left to it, and
/// there is nothing for the caller to do. False: charge() decides; nothing has happened.
inline bool charge_within(DlEntity& se, u64 delta, ChargedBy by) {
  if (se.runtime <= static_cast<i64>(delta)) return false;
  se.runtime -= static_cast<i64>(delta);
  if (by == ChargedBy::kClass) se.defer_idle = false; // C to B
  return true;
}
/// Its timer fired; whoever runs has been charged up to now.
Step fire(DlEntity& se, u64 now);

} // namespace runnel::sched::server_rules
