// SPDX-License-Identifier: Apache-2.0
// Keeps the load averages of fair tasks and of their queues (spec 3.12): called by the fair class wherever
// somebody joins, leaves, starts or stops running. Read by placement and balancing.
#pragma once

#include <sched/rq.hpp>

namespace runnel::sched {

/// After `p` was put on the queue or taken off it; `flags`: the class hook's.
void load_enqueued(Rq& rq, Task& p, u32 flags) REQUIRES(rq.lock);
void load_dequeued(Rq& rq, Task& p, u32 flags) REQUIRES(rq.lock);
/// After `p` became the queue's current entity, or stopped being it.
void load_started(Rq& rq, Task& p) REQUIRES(rq.lock);
void load_stopped(Rq& rq, Task& p) REQUIRES(rq.lock);
/// After anything else that changes who is runnable, with which weight; and each tick.
void load_changed(Rq& rq) REQUIRES(rq.lock);
/// A sleeping `p` wakes up on another CPU: its past goes along. pi_lock held, no rq lock.
void load_leaves_asleep(Task& p);

/// Averages of now. 1024 is one runnable task of nice 0.
u64 task_load(const Task& p);
/// Any CPU's, read without its lock: a hint. Load as above; utilisation and runnable as parts of 1024, of a
/// CPU that is always busy, or of one runnable task.
struct CpuLoad {
  u64 load = 0;
  u64 runnable = 0;
  u64 util = 0;
};
CpuLoad cpu_load(CpuId cpu);

} // namespace runnel::sched
