// SPDX-License-Identifier: Apache-2.0
// Greedy reclamation of unused bandwidth (Lipari, Baruah 2000; spec 5.6) as arithmetic: the two sums of a
// runqueue and what a RECLAIM task is charged.
#pragma once

#include <sched/dl_entity.hpp>

namespace runnel::sched::grub {

inline constexpr u32 kRatioShift = 8; // fraction bits of Limits::bw_ratio

/// What the global limit (sched_rt_runtime_us / sched_rt_period_us) means for the charge.
struct Limits {
  u64 max_bw = u64{1} << 20;            // most that dl work may use of one CPU
  u64 bw_ratio = u64{1} << kRatioShift; // 1 / max_bw
  u64 extra_bw = 0;                     // of max_bw what no admitted entity has claimed, per CPU
};

/// An entity joins or leaves the rq.
void add_rq_bw(DlSums& sums, u64 bw);
void sub_rq_bw(DlSums& sums, u64 bw);
/// An entity of the rq becomes active or inactive.
void add_running_bw(DlSums& sums, u64 bw);
void sub_running_bw(DlSums& sums, u64 bw);

/// What running for `delta` ns costs a RECLAIM entity of bandwidth `bw`: less than delta while others do not
/// use their share.
u64 charge(u64 delta, u64 bw, const DlSums& sums, const Limits& limits);

} // namespace runnel::sched::grub
