// SPDX-License-Identifier: Apache-2.0
// The deadline class as the rest of the scheduler and its callers use it (spec 5).
#pragma once

#include "kernel/lib/errno.hpp"

#include <sched/rq.hpp>

namespace runnel::sched {

/// Sets up the servers and timers of a new runqueue. From sched_init_cpu.
void dl_init_rq(Rq& rq) REQUIRES(rq.lock);

// A task's parameters. The order in sched_setattr, all under pi_lock and the rq lock of `p` with the clock updated:
// dl_check_entry, dl_admit, then inside a SchedChange dl_set_params and policy, normal_prio, prio.

/// Spec 5.2, with the present limits of the period.
bool dl_params_valid(const DlParams& params);
/// sched_deadline_period_min_us and _max_us; they bind tasks that come later. kINVAL: min > max or min 0.
Result<> dl_set_period_limits(u32 min_us, u32 max_us);

/// Spec 5.10 row 16: kPERM when p's mask does not cover its root domain or the domain's limit is 0.
Result<> dl_check_entry(Rq& rq, Task& p) REQUIRES(rq.lock);
/// Spec 1.16 A3: kBUSY when `p`, a deadline task, would not cover its root domain with `mask`.
Result<> dl_check_mask(const Task& p, const CpuMask& mask);

/// Accounts for `p` changing to `policy` (with `params` if that is DEADLINE). kBUSY: it does not fit; nothing is
/// changed. Done before the change; leaving needs no room, its share is free at the 0-lag time.
Result<> dl_admit(Rq& rq, Task& p, Policy policy, const DlParams& params) REQUIRES(rq.lock);
/// By how much dl_admit would fail: bandwidth of one CPU with 20 fraction bits. 0: it would not.
u64 dl_missing_bandwidth(Rq& rq, const Task& p, const DlParams& params) REQUIRES(rq.lock);
void dl_set_params(Task& p, const DlParams& params);
DlParams dl_get_params(const Task& p);

// The domain.

/// sched_rt_period_us and sched_rt_runtime_us (-1: unlimited). kINVAL; kBUSY: less than is admitted.
Result<> dl_set_limit(u64 period_us, i64 runtime_us);
struct DlLimit {
  u64 period_us;
  i64 runtime_us;
  u64 bw;       // of one CPU; ~0: unlimited
  u64 total_bw; // admitted, servers included
};
DlLimit dl_limit();
/// May `cpu` go down (spec 5.5)? kBUSY: the admitted bandwidth would not fit on the others.
Result<> dl_may_unplug(CpuId cpu);

// Servers (spec 5.8).

enum class DlServerKind { kFair, kExt };
DlEntity& dl_server_of(Rq& rq, DlServerKind kind);
struct DlServerParams {
  u64 runtime = 0; // ns; 0: the server is off
  u64 period = 0;
};
DlServerParams dl_server_params(CpuId cpu, DlServerKind kind);
/// kINVAL: period outside 100 us .. 4.194304 s, or runtime > period. kBUSY: does not fit. Nothing is changed then.
Result<> dl_server_set_params(CpuId cpu, DlServerKind kind, const DlServerParams& params);
/// The first task of the server's class was queued.
void dl_server_start(Rq& rq, DlServerKind kind) REQUIRES(rq.lock);
/// A task of the class ran for `delta`, inside or outside the server.
void dl_server_charge(Rq& rq, DlServerKind kind, Duration delta) REQUIRES(rq.lock);
/// The CPU was idle for `delta`.
void dl_servers_charge_idle(Rq& rq, Duration delta) REQUIRES(rq.lock);
/// The CPU goes down.
void dl_servers_stop(Rq& rq) REQUIRES(rq.lock);

// Asking.

/// Spec 5.10, SCHED_GETATTR_FLAG_DL_DYNAMIC: what is left of the current instance, brought up to now.
struct DlDynamic {
  i64 runtime = 0;  // ns; zero or less after an overrun
  u64 deadline = 0; // CLOCK_MONOTONIC, ns
};
/// Any task of the class; takes its pi_lock and rq lock.
DlDynamic dl_query(Task& p);

/// Called at the next tick of a task that used up its runtime and has asked to be told (spec 5.3). Interrupts off, rq
/// lock held. nullptr: nobody; they are counted in DlEntity::nr_overruns anyway.
using DlOverrunHook = void (*)(Task& p);
void set_dl_overrun_hook(DlOverrunHook hook);

} // namespace runnel::sched
