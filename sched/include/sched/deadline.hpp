// SPDX-License-Identifier: Apache-2.0
// The deadline class as the rest of the scheduler and its callers use it (spec 5): its servers, its limits,
// CPUs that go down. What sched_setattr needs is in dl_admission.hpp.
#pragma once

#include "kernel/lib/errno.hpp"

#include <sched/rq.hpp>

namespace runnel::sched {

/// Sets up the servers and timers of a new runqueue. From sched_init_cpu.
void dl_init_rq(Rq& rq) REQUIRES(rq.lock);

// Limits.

/// sched_deadline_period_min_us and _max_us; they bind parameters that come later. kINVAL: min > max or min
/// 0.
Result<> dl_set_period_limits(u32 min_us, u32 max_us);
/// sched_rt_period_us and sched_rt_runtime_us (-1: unlimited). kINVAL; kBUSY: less than is admitted.
Result<> dl_set_limit(u64 period_us, i64 runtime_us);
struct DlLimit {
  u64 period_us = 0;
  i64 runtime_us = 0;
  u64 bw = 0;       // of one CPU, 20 fraction bits; ~0: unlimited
  u64 total_bw = 0; // admitted in the root domain, servers included
};
DlLimit dl_limit();

// Servers (spec 5.8).

enum class DlServerKind { kFair, kExt };
DlEntity& dl_server_of(Rq& rq, DlServerKind kind);
struct DlServerParams {
  u64 runtime = 0; // ns; 0: the server is off
  u64 period = 0;
};
DlServerParams dl_server_params(CpuId cpu, DlServerKind kind);
/// kINVAL: period outside 100 us .. 4.194304 s, or runtime > period. kBUSY: does not fit. Nothing is changed
/// then.
Result<> dl_server_set_params(CpuId cpu, DlServerKind kind, const DlServerParams& params);
/// How the server finds the task to run; without it the server is never started.
void dl_server_set_pick(Rq& rq, DlServerKind kind, Pick (*pick)(Rq& rq)) REQUIRES(rq.lock);
/// The first task of the server's class was queued.
void dl_server_start(Rq& rq, DlServerKind kind) REQUIRES(rq.lock);
/// A task of the class ran for `delta`, inside or outside the server.
void dl_server_charge(Rq& rq, DlServerKind kind, Duration delta) REQUIRES(rq.lock);
/// The CPU was idle for `delta`.
void dl_servers_charge_idle(Rq& rq, Duration delta) REQUIRES(rq.lock);
/// The CPU goes down.
void dl_servers_stop(Rq& rq) REQUIRES(rq.lock);

/// Called at the next tick of a task that used up its runtime and has asked to be told (spec 5.3). Interrupts
/// off, rq lock held. nullptr: nobody; they are counted in DlEntity::nr_overruns anyway.
using DlOverrunHook = void (*)(Task& p);
void set_dl_overrun_hook(DlOverrunHook hook);

} // namespace runnel::sched
