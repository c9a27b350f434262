// SPDX-License-Identifier: Apache-2.0
// What sched_setattr and its like need of the deadline class (spec 5.2, 5.5, 5.10). Implemented by
// sched/deadline.
#pragma once

#include "kernel/lib/errno.hpp"

#include <sched/rq.hpp>

namespace runnel::sched {

/// Spec 5.2 with the limits in force.
bool dl_params_valid(const DlParams& params);
/// Both with pi_lock; zeroes for a task that is not of the class.
DlParams dl_get_params(const Task& p);
bool dl_params_differ(const Task& p, const DlParams& params);

/// Admission is on: deadline tasks must cover their root domain and fit into its bandwidth.
bool dl_admission_on();
/// Spec 5.10 row 16: kPERM when p's mask does not cover its root domain, or the domain may hold nothing.
Result<> dl_check_entry(const Task& p);
/// Spec 1.16 A3: kBUSY when `p` is a deadline task and would not cover its root domain with `mask`.
Result<> dl_check_mask(const Task& p, const CpuMask& mask);

/// Admission (spec 5.5) of `p` with policy `policy` and, if that is DEADLINE, `params`: accounts the change
/// of the root domain's bandwidth, or says false and changes nothing. A task that leaves the class keeps its
/// share until its 0-lag time. pi_lock and rq lock; the SchedChange follows in the same section.
bool dl_admit(Rq& rq, Task& p, Policy policy, const DlParams& params) REQUIRES(rq.lock);
/// Stores the parameters of a task that is, or is about to be, of the class. Inside a SchedChange.
void dl_set_params(Task& p, const DlParams& params);
/// The admitted tasks fit on the CPUs that remain when `cpu` goes down (spec 5.5 hot-unplug).
bool dl_may_lose_cpu(CpuId cpu);
/// By how much `p` with `params` does not fit: bandwidth of one CPU, 20 fraction bits. 0: it fits. For
/// messages.
u64 dl_missing_bandwidth(const Task& p, const DlParams& params);

struct DlDynamic {
  i64 runtime = 0;  // ns left, negative after an overrun
  Instant deadline; // absolute, CLOCK_MONOTONIC
};
/// Spec 5.10, flags 1: takes the rq lock, brings a running donor's accounting to now. pi_lock is held.
DlDynamic dl_query_dynamic(Task& p);

} // namespace runnel::sched
