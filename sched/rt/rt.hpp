// SPDX-License-Identifier: Apache-2.0
// What the parts of the realtime class share.
#pragma once

#include <sched/rt.hpp>

namespace runnel::sched {

/// The task `entity` lies in.
inline Task& task_of(RtEntity& entity) {
  const uptr offset = reinterpret_cast<uptr>(&reinterpret_cast<Task*>(uptr{4096})->rt) - uptr{4096};
  return *reinterpret_cast<Task*>(reinterpret_cast<uptr>(&entity) - offset);
}
inline Task& task_of(PrioNode& node) {
  const uptr offset = reinterpret_cast<uptr>(&reinterpret_cast<RtEntity*>(uptr{4096})->run) - uptr{4096};
  return task_of(*reinterpret_cast<RtEntity*>(reinterpret_cast<uptr>(&node) - offset));
}

/// The executing task and the one that is charged, of a CPU whose lock is not held: a hint. Under
/// RcuReadGuard the task stays allocated.
inline Task* peek(Task*& word) { return std::atomic_ref<Task*>(word).load(std::memory_order_relaxed); }

// Pushable tasks: queued, not running, allowed on more than one CPU (spec 4). sched/rt/pushable.cpp
void enqueue_pushable_rt(Rq& rq, Task& p) REQUIRES(rq.lock);
void dequeue_pushable_rt(Rq& rq, Task& p) REQUIRES(rq.lock);
/// `p` waits on rq, and is not on a CPU.
bool is_pushable_rt(Rq& rq, const Task& p) REQUIRES(rq.lock);
/// The most urgent of them that is not on a CPU, and who follows `p`; nullptr: none.
Task* first_pushable_rt(Rq& rq) REQUIRES(rq.lock);
Task* next_pushable_rt(Rq& rq, Task& p) REQUIRES(rq.lock);
/// The most urgent of them that may run on `cpu`.
Task* first_pushable_rt_for(Rq& rq, CpuId cpu) REQUIRES(rq.lock);
/// Enters and leaves the root domain's mask of overloaded CPUs (B10).
void set_rt_overload(Rq& rq) REQUIRES(rq.lock);
void clear_rt_overload(Rq& rq) REQUIRES(rq.lock);

// sched/rt/select.cpp
/// A CPU that runs something below `prio`, of those in p's mask: p's own, else this one, else a near one
/// (RT6). False: none.
bool find_lowest_rq(Task& p, i32 prio, CpuId* lowest);
CpuId select_task_rq_rt(Task& p, CpuId cpu, u32 wake_flags);

// sched/rt/push_pull.cpp
/// Locks, beside rq, a runqueue that p may be pushed to: it has nothing of p's priority or better (L3: rq was
/// released in between, and p is still first to be pushed). nullptr: none; only rq is held.
Rq* find_lock_lowest_rq(Task& p, Rq& rq);
/// Asks for push_rt_tasks or pull_rt_tasks once the lock may be dropped (L9).
void queue_push_rt(Rq& rq) REQUIRES(rq.lock);
void queue_pull_rt(Rq& rq) REQUIRES(rq.lock);
/// Moves pushable tasks to CPUs that run something lower, until none can be moved. Drops the lock.
void push_rt_tasks(Rq& rq) REQUIRES(rq.lock);
/// The same in a wake-up, where a pi_lock is held.
void push_woken_rt_tasks(Rq& rq) REQUIRES(rq.lock);
/// Fetches tasks that beat everything here from overloaded CPUs. Drops the lock.
void pull_rt_tasks(Rq& rq) REQUIRES(rq.lock);

} // namespace runnel::sched
