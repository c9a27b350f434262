// SPDX-License-Identifier: Apache-2.0

// What sched_setattr needs of the deadline class (spec 5.2, 5.5, 5.10). Implemented by sched/deadline.
#pragma once

#include <sched/rq.hpp>

namespace runnel::sched {

/// Spec 5.2 with the limits in force.
bool dl_params_valid(const DlParams& params);
/// Both with pi_lock; zeroes for a task that is not of the class.
DlParams dl_get_params(const Task& p);
bool dl_params_differ(const Task& p, const DlParams& params);

/// Admission (spec 5.5) of `p` with policy `policy` and, if that is DEADLINE, `params`: accounts the change
/// of the root domain's bandwidth, or says false and changes nothing. A task that leaves the class keeps its
/// share until its 0-lag time. pi_lock and rq lock.
bool dl_admit(Rq& rq, Task& p, Policy policy, const DlParams& params) REQUIRES(rq.lock);
/// Admission control is on and this domain can admit something.
bool dl_admission_on();
/// Stores the parameters of a task that is, or is about to be, of the class. Inside a SchedChange.
void dl_set_params(Task& p, const DlParams& params);
/// The admitted tasks fit on the CPUs that remain when `cpu` goes down (spec 5.5 hot-unplug).
bool dl_may_lose_cpu(CpuId cpu);
/// By how much the last refusal on this CPU did not fit: missing share of one CPU in 1/2^20, 0 when none was
/// refused.
u64 dl_missing_bandwidth(const RootDomain& rd, u64 old_bw, u64 new_bw);

struct DlDynamic {
  i64 runtime = 0;  // ns left, negative after an overrun
  Instant deadline; // absolute, CLOCK_MONOTONIC
};
/// Spec 5.10, flags 1: takes the rq lock, brings a running donor's accounting to now. pi_lock is held.
DlDynamic dl_query_dynamic(Task& p);

} // namespace runnel::sched
