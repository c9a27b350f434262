// SPDX-License-Identifier: Apache-2.0
// Geometric averages in integers (spec 3.12): time is cut into periods of 1024 us by the absolute clock, and
// what happened n periods ago counts y^n, y^32 = 1/2. Pure.
//
// A sum holds microseconds in which something was so, decayed. Divided by what it would be had it always been
// so, divider(), it is an average.
#pragma once

#include "kernel/lib/types.hpp"

namespace runnel::sched::pelt {

inline constexpr u32 kPeriod = 1024;   // us
inline constexpr u32 kHalfLife = 32;   // periods
inline constexpr u64 kMaxSum = 47'742; // of 1024 * y^n over all n, in this arithmetic

constexpr u64 to_us(u64 ns) { return ns >> 10; } // "microseconds" of 1024 ns

/// value * y^periods.
u64 decay(u64 value, u64 periods);

/// A sum that was so all the time, as of `now_us`.
constexpr u64 divider(u64 now_us) { return kMaxSum - kPeriod + now_us % kPeriod; }

/// What passes between two updates.
struct Step {
  u64 periods = 0; // boundaries crossed: what was before decays by as many
  u64 added = 0;   // decayed microseconds of the stretch itself
};
/// From `from_us` to `to_us`; a clock that went backwards is no step.
Step step(u64 from_us, u64 to_us);

/// A sum after a step in which `rate` was so each microsecond.
inline u64 advance(u64 sum, const Step& by, u64 rate) {
  return (by.periods != 0 ? decay(sum, by.periods) : sum) + by.added * rate;
}

} // namespace runnel::sched::pelt
