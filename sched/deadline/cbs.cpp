// SPDX-License-Identifier: Apache-2.0
// The rules of a constant-bandwidth server (spec 5.2, 5.3).
#include "sched/deadline/cbs.hpp"

namespace runnel::sched::cbs {

u64 mul_div(u64 a, u64 b, u64 c) {
  const auto product = static_cast<unsigned __int128>(a) * b;
  u64 high = static_cast<u64>(product >> 64);
  u64 low = static_cast<u64>(product);
  if (high == 0) return low / c;
  // Long division bit by bit: a 128-bit division would be a call into a library that a kernel does not have.
  u64 quotient = 0;
  for (u32 i = 0; i < 64; ++i) {
    const bool carry = high >> 63 != 0;
    high = high << 1 | low >> 63;
    low <<= 1;
    quotient <<= 1;
    if (carry || high >= c) {
      high -= c;
      quotient |= 1;
    }
  }
  return quotient;
}

bool params_valid(const DlParams& params, const PeriodLimits& limits) {
  constexpr u64 kSign = u64{1} << 63; // needed for the comparison of wrapping times
  if (params.deadline == 0 || params.runtime < kMinRuntime) return false;
  if ((params.deadline & kSign) != 0 || (params.period & kSign) != 0) return false;
  const u64 period = params.period != 0 ? params.period : params.deadline;
  if (params.runtime > params.deadline || params.deadline > period) return false;
  return period >= u64{limits.min_us} * 1000 && period <= u64{limits.max_us} * 1000;
}

void set_params(DlEntity& se, const DlParams& params) {
  se.dl_runtime = params.runtime;
  se.dl_deadline = params.deadline;
  se.dl_period = params.period != 0 ? params.period : params.deadline;
  se.flags = params.flags & (kSchedFlagReclaim | kSchedFlagDlOverrun);
  se.bw = to_ratio(se.dl_period, se.dl_runtime);
  se.density = to_ratio(se.dl_deadline, se.dl_runtime);
}

void clear_params(DlEntity& se) {
  set_params(se, {});
  se.runtime = 0;
  se.deadline = 0;
  se.throttled = se.yielded = se.non_contending = se.overrun = se.borrows = false;
}

bool overflows(const DlEntity& se, u64 now) {
  // Products modulo 2^64: a negative runtime makes a "negative" left side, which the signed difference
  // understands.
  const u64 left = (se.pi_se->dl_deadline >> kScale) * static_cast<u64>(se.runtime >> kScale);
  const u64 right = ((se.deadline - now) >> kScale) * (se.pi_se->dl_runtime >> kScale);
  return dl_before(right, left);
}

void new_period(DlEntity& se, u64 now) {
  se.deadline = now + se.pi_se->dl_deadline;
  se.runtime = static_cast<i64>(se.pi_se->dl_runtime);
}

WakeRule wake(DlEntity& se, u64 now) {
  const bool passed = dl_before(se.deadline, now);
  if (!passed && !overflows(se, now)) return WakeRule::kKept;
  if (!passed && (!se.is_implicit() || se.is_server()) && !se.is_boosted()) {
    // A relative deadline shorter than the period: a new deadline from now would let it use more than its
    // density before the old one. It gets what fits there at that density.
    se.runtime = static_cast<i64>(se.density * (se.deadline - now) >> kBwShift);
    return WakeRule::kRevised;
  }
  new_period(se, now);
  return WakeRule::kNewPeriod;
}

bool must_wait_for_period(const DlEntity& se, u64 now) {
  return !se.is_implicit() && dl_before(se.deadline, now) && dl_before(now, next_period(se));
}

Replenished replenish(DlEntity& se, u64 now) {
  const DlEntity& params = *se.pi_se;
  // A task of another class that is boosted into this one has no instance of its own yet.
  if (se.dl_deadline == 0) new_period(se, now);
  if (se.yielded && se.runtime > 0) se.runtime = 0;
  if (se.runtime <= 0 && params.dl_runtime != 0) {
    const u64 periods = static_cast<u64>(-se.runtime) / params.dl_runtime + 1;
    se.deadline += periods * params.dl_period;
    se.runtime += static_cast<i64>(periods * params.dl_runtime);
  }
  Replenished result = Replenished::kInTime;
  if (dl_before(se.deadline, now)) {
    new_period(se, now);
    result = Replenished::kLagging;
  }
  se.yielded = se.throttled = false;
  return result;
}

void borrow(DlEntity& se, u64 now) {
  if (!se.borrows) {
    se.own_runtime = se.yielded && se.runtime > 0 ? 0 : se.runtime;
    se.own_deadline = se.deadline;
  }
  se.borrows = true;
  se.yielded = false;
  new_period(se, now);
}

void give_back(DlEntity& se) {
  se.borrows = false;
  se.runtime = se.own_runtime;
  se.deadline = se.own_deadline;
  if (se.runtime <= 0) se.throttled = true;
}

u64 zero_lag_time(const DlEntity& se) {
  const i64 runtime = se.borrows ? se.own_runtime : se.runtime;
  const u64 deadline = se.borrows ? se.own_deadline : se.deadline;
  const u64 left = runtime < 0 ? -static_cast<u64>(runtime) : static_cast<u64>(runtime);
  const u64 lasts =
      left / se.dl_runtime * se.dl_period + mul_div(left % se.dl_runtime, se.dl_period, se.dl_runtime);
  return runtime < 0 ? deadline + lasts : deadline - lasts;
}

} // namespace runnel::sched::cbs
