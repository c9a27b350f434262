// SPDX-License-Identifier: Apache-2.0
// Greedy reclamation of unused bandwidth (spec 5.6).
#include "sched/deadline/grub.hpp"

namespace runnel::sched::grub {

void add_rq_bw(DlSums& sums, u64 bw) { sums.this_bw += bw; }

void sub_rq_bw(DlSums& sums, u64 bw) {
  port::assert_(sums.this_bw >= bw && sums.running_bw <= sums.this_bw - bw);
  sums.this_bw -= bw;
}

void add_running_bw(DlSums& sums, u64 bw) {
  sums.running_bw += bw;
  port::assert_(sums.running_bw <= sums.this_bw);
}

void sub_running_bw(DlSums& sums, u64 bw) {
  port::assert_(sums.running_bw >= bw);
  sums.running_bw -= bw;
}

u64 charge(u64 delta, u64 bw, const DlSums& sums, const Limits& limits) {
  const u64 inactive = sums.this_bw - sums.running_bw;
  // Never less than the own bandwidth: else it would use more than all others leave it.
  const u64 claimed_by_none = inactive + limits.extra_bw;
  u64 u = claimed_by_none + bw > limits.max_bw ? bw : limits.max_bw - claimed_by_none;
  u = u * limits.bw_ratio >> kRatioShift;
  return delta * u >> 20;
}

} // namespace runnel::sched::grub
