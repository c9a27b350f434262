// SPDX-License-Identifier: Apache-2.0
// The rules of a constant-bandwidth server (Abeni, Buttazzo 1998) as arithmetic on one entity
// (spec 5.2, 5.3): no queue, no timer, no lock. Times are those of the rq clock, in ns; they wrap and are
// compared by signed difference.
#pragma once

#include <sched/dl_entity.hpp>

namespace runnel::sched::cbs {

inline constexpr u32 kBwShift = 20;
inline constexpr u64 kBwUnit = u64{1} << kBwShift;
inline constexpr u32 kScale = 10; // products of two times are made of these many ns: 64 bits hold them
inline constexpr u64 kMinRuntime = u64{1} << kScale;

/// sched_deadline_period_min_us and _max_us.
struct PeriodLimits {
  u32 min_us = 100;
  u32 max_us = 4194304;
};

/// runtime / period with kBwShift fraction bits, rounded down; 0 for a period of 0. runtime < 2^44.
constexpr u64 to_ratio(u64 period, u64 runtime) { return period == 0 ? 0 : (runtime << kBwShift) / period; }

/// a * b / c rounded down, exact; the result fits 64 bits.
u64 mul_div(u64 a, u64 b, u64 c);

/// Spec 5.2.
bool params_valid(const DlParams& params, const PeriodLimits& limits = {});
/// Stores valid parameters; the current instance stays as it is.
void set_params(DlEntity& se, const DlParams& params);
/// Back to "not a deadline task". Timers and boosting stay as they are.
void clear_params(DlEntity& se);

/// K1's second condition: what is left would, used up to the deadline, be more than the entity's share.
bool overflows(const DlEntity& se, u64 now);

enum class WakeRule { kNewPeriod, kRevised, kKept };
/// K1, K2, K3. `deferred`: a server, to which K2 applies although its deadline is its period.
WakeRule wake(DlEntity& se, u64 now);

/// A new instance that begins now.
void new_period(DlEntity& se, u64 now);

/// When the runtime may be replenished.
constexpr u64 next_period(u64 deadline, u64 dl_deadline, u64 dl_period) {
  return deadline - dl_deadline + dl_period;
}
inline u64 next_period(const DlEntity& se) { return next_period(se.deadline, se.dl_deadline, se.dl_period); }

/// K4: a constrained entity that wakes between its deadline and its next period waits for that.
bool must_wait_for_period(const DlEntity& se, u64 now);

enum class Replenished { kInTime, kLagging };
/// K7. kLagging: so late that a new period was begun now.
Replenished replenish(DlEntity& se, u64 now);

/// Spec 5.9: an instance with the parameters that pi_se lends begins. The entity's own is put aside.
void borrow(DlEntity& se, u64 now);
/// Back to its own instance, which may be used up (throttled then).
void give_back(DlEntity& se);

/// Spec 5.6: until when the runtime left of its own instance would last at the entity's own rate.
u64 zero_lag_time(const DlEntity& se);

} // namespace runnel::sched::cbs
