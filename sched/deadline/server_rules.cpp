// SPDX-License-Identifier: Apache-2.0
// The states of a deferred server (spec 5.8).
#include "sched/deadline/server_rules.hpp"

namespace runnel::sched::server_rules {
namespace {

Step run(DlEntity& se) {
  se.throttled = se.defer_armed = false;
  se.defer_running = true;
  return {.queue = Step::Queue::kEnqueue, .timer = Step::Timer::kDisarm};
}

/// B, unless the zero-laxity point has passed.
Step wait_for_zero_laxity(DlEntity& se, u64 now) {
  const u64 due = se.deadline - static_cast<u64>(se.runtime);
  if (dl_before(due, now)) return run(se);
  se.throttled = se.defer_armed = true;
  se.defer_running = false;
  return {.timer = Step::Timer::kArm, .due = due};
}

/// D to E. A period that has begun already is a replenishment at once (K6).
Step used_up(DlEntity& se, u64 now) {
  const u64 next = cbs::next_period(se);
  if (dl_before(next, now)) {
    cbs::replenish(se, now);
    return {.queue = Step::Queue::kEnqueue}; // its deadline moved: to its new place
  }
  se.throttled = true;
  return {.queue = Step::Queue::kDequeue, .timer = Step::Timer::kArm, .due = next};
}

} // namespace

std::optional<State> state_of(const DlEntity& se) {
  if (!se.active) {
    if (se.throttled || se.defer_armed || se.defer_idle) return {};
    return State::kInit;
  }
  if (se.throttled && se.defer_armed && !se.defer_running)
    return se.defer_idle ? State::kIdleWait : State::kZeroLaxityWait;
  if (se.defer_armed || !se.defer_running || se.defer_idle) return {};
  return se.throttled ? State::kReplenishWait : State::kRunning;
}

Step start(DlEntity& se, u64 now) {
  se.defer_idle = false; // C to B
  if (se.active || se.dl_runtime == 0) return {};
  se.active = true;
  // It ran, stopped because its class had nothing, and may go on where it was (A to D); else its class is
  // left a chance to get its share without it (A to B).
  const bool goes_on = cbs::wake(se, now) != cbs::WakeRule::kNewPeriod && se.defer_running && se.runtime > 0;
  return goes_on ? run(se) : wait_for_zero_laxity(se, now);
}

Step stop(DlEntity& se) {
  if (!se.active) return {};
  // Used up, it may not go on at once when it is started again; waiting for its zero-laxity point it may not
  // either.
  if (se.throttled) se.defer_running = false;
  se.active = se.throttled = se.defer_armed = se.defer_idle = false;
  return {.queue = Step::Queue::kDequeue, .timer = Step::Timer::kDisarm};
}

Step charge(DlEntity& se, u64 delta, ChargedBy by, u64 now) {
  if (!se.active || delta == 0 || charge_within(se, delta, by)) return {};
  se.runtime -= static_cast<i64>(delta);
  if (by == ChargedBy::kClass) se.defer_idle = false; // C to B
  if (!se.throttled) return used_up(se, now);
  if (se.defer_idle) { // C to C: pushed out once already; the timer at deadline - runtime stops it
    se.runtime = 0;
    return {};
  }
  // Its class had its share in the background, or nobody wants it: not needed in this period (B, C, E to B;
  // to C).
  cbs::new_period(se, now);
  se.defer_idle = by == ChargedBy::kIdle;
  return wait_for_zero_laxity(se, now);
}

Step fire(DlEntity& se, u64 now) {
  if (!se.throttled || se.dl_runtime == 0) return {};
  if (se.defer_idle) { // C to A
    se.defer_running = false;
    return stop(se);
  }
  if (se.defer_armed) {
    // Background use lowered the runtime, so zero laxity is later.
    const u64 due = se.deadline - static_cast<u64>(se.runtime);
    if (dl_before(now, due - kLeastDelay)) return {.timer = Step::Timer::kArm, .due = due};
    if (cbs::overflows(se, now)) cbs::new_period(se, now);
  }
  cbs::replenish(se, now);
  return run(se);
}

} // namespace runnel::sched::server_rules
