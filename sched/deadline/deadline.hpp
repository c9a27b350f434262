// SPDX-License-Identifier: Apache-2.0
// What the parts of the deadline class share.
#pragma once

#include "sched/deadline/cbs.hpp"
#include "sched/deadline/grub.hpp"

#include <sched/deadline.hpp>
#include <sched/sched_class.hpp>

namespace runnel::sched {

/// The task `se` lies in; not for servers.
inline Task& dl_task_of(DlEntity& se) {
  const uptr offset = reinterpret_cast<uptr>(&reinterpret_cast<Task*>(uptr{4096})->dl) - uptr{4096};
  return *reinterpret_cast<Task*>(reinterpret_cast<uptr>(&se) - offset);
}

inline bool in_dl_class(const Task& p) { return p.sched_class == &dl_sched_class; }
/// The bandwidth `se` may count with in the sums of its rq. A task that is only boosted into the class has
/// none, though it may still hold a share of the domain from an earlier stay.
inline u64 dl_bw_of(DlEntity& se) {
  return se.is_server() || is_dl_policy(dl_task_of(se).policy) ? se.bw : 0;
}
/// The deadline that lets the donor run: its own, or that of the server it runs by. nullptr: another class's
/// right.
inline const DlEntity* dl_runs_by(const Task& donor) {
  if (in_dl_class(donor)) return &donor.dl;
  return donor.dl_server != nullptr && donor.dl_server->is_queued() ? donor.dl_server : nullptr;
}
void trace_dl(trace::EventType type, DlEntity& se);

// queue.cpp: the tree of what may run, and what other CPUs are told of it.
/// A queued task counts in rq.nr_running, a server does not.
void dl_insert(Rq& rq, DlEntity& se) REQUIRES(rq.lock);
void dl_remove(Rq& rq, DlEntity& se) REQUIRES(rq.lock);
inline bool dl_is_first(Rq& rq, const DlEntity& se) { return rq.dl.queue.first() == &se; }
/// Tells cpudl and cpupri what is first here, if that changed.
void dl_publish(Rq& rq) REQUIRES(rq.lock);
/// The rest of the system may, or may no longer, send deadline tasks here.
void dl_rq_online(Rq& rq) REQUIRES(rq.lock);
void dl_rq_offline(Rq& rq) REQUIRES(rq.lock);

// pushable.cpp: queued tasks that do not run and may run elsewhere, by deadline; announced to others (B10).
void enqueue_pushable_dl(Rq& rq, Task& p) REQUIRES(rq.lock);
void dequeue_pushable_dl(Rq& rq, Task& p) REQUIRES(rq.lock);
/// The earliest of them that is not on a CPU; nullptr: none.
Task* first_pushable_dl(Rq& rq) REQUIRES(rq.lock);
/// The one after `p`, which is one.
Task* next_pushable_dl(Rq& rq, Task& p) REQUIRES(rq.lock);
/// `p` belongs to rq, waits there and is not on a CPU.
bool is_pushable_dl(Rq& rq, const Task& p) REQUIRES(rq.lock);
void set_dl_overload(Rq& rq) REQUIRES(rq.lock);
void clear_dl_overload(Rq& rq) REQUIRES(rq.lock);

// accounts.cpp: the sums of GRUB and the domain's admitted bandwidth as tasks and servers come, block and go.
enum class Counted { kNot, kInactive, kRunning }; // in neither of the two sums, in this_bw, in both
/// In rq's sums `se` counts `as` this from now on, with its present bandwidth.
void dl_count(Rq& rq, DlEntity& se, Counted as) REQUIRES(rq.lock);
/// `se` becomes active, and joins this rq unless it belongs to it already.
void dl_contending(Rq& rq, DlEntity& se) REQUIRES(rq.lock);
/// `se` blocks or dies: inactive at its 0-lag time, or now if that has passed.
void dl_non_contending(Rq& rq, DlEntity& se) REQUIRES(rq.lock);
/// Counts it as inactive. A dead task gives its bandwidth back instead, also what it was given when it had
/// ended.
void dl_become_inactive(Rq& rq, DlEntity& se) REQUIRES(rq.lock);
/// Counts an entity that is not queued with its present bandwidth, which has changed.
void dl_recount(Rq& rq, DlEntity& se) REQUIRES(rq.lock);
/// `se`, which is not counted any more, has left the class: the domain's bandwidth of it is free at its 0-lag
/// time, or now if that has passed.
void dl_hold_share(Rq& rq, DlEntity& se) REQUIRES(rq.lock);
/// Gives back the domain's bandwidth of a task that has left, and forgets its parameters.
void dl_release(Rq& rq, DlEntity& se) REQUIRES(rq.lock);
/// To be called with rq.rd->dl_bw.lock held after each change of the account.
void dl_account_changed(DlBw& dl_bw) REQUIRES(dl_bw.lock);
/// Sum of the capacities of the active CPUs.
u64 dl_capacity();
grub::Limits dl_grub_limits(const Rq& rq);

// timers.cpp
/// Arms `timer` for `due`, whatever it was armed for before.
void dl_timer_arm(DlTimer& timer, Instant due);
void dl_timer_disarm(DlTimer& timer);
/// Arms the replenish timer for the next period; false: that has begun already.
bool dl_wait_for_period(Rq& rq, DlEntity& se) REQUIRES(rq.lock);
/// At the head of a timer's function, once the lock is held: true when it is to act.
bool dl_timer_taken(DlTimer& timer, Instant now);
/// HRTICK_DL: an interrupt when the task that begins or goes on to run will have used up its runtime.
void dl_hrtick_start(Rq& rq, const DlEntity& se) REQUIRES(rq.lock);
void dl_hrtick_stop(Rq& rq) REQUIRES(rq.lock);

// entity.cpp: a task's way into and out of the queue.
void enqueue_task_dl(Rq& rq, Task& p, u32 flags) REQUIRES(rq.lock);
void dequeue_task_dl(Rq& rq, Task& p, u32 flags) REQUIRES(rq.lock);
/// Charges the donor, a deadline task, its time since the last call (K5), and throttles it when that was its
/// last (K6).
void update_curr_dl(Rq& rq) REQUIRES(rq.lock);

// server.cpp
void dl_server_timer(DlTimer& timer);
/// Takes the server out of all this until it is started again.
void dl_server_stop(Rq& rq, DlEntity& se) REQUIRES(rq.lock);

// push_pull.cpp
/// A CPU whose dl work, if it has any, is all later than p: p's own, else a near one.
bool find_later_rq(Task& p, CpuId* later);
CpuId select_task_rq_dl(Task& p, CpuId cpu, u32 wake_flags);
/// Locks, beside rq, a runqueue that p may be pushed to (L3: rq was released in between, and p is still first
/// to be pushed). nullptr: none; only rq is held.
Rq* find_lock_later_rq(Task& p, Rq& rq);
void queue_push_dl(Rq& rq) REQUIRES(rq.lock);
void queue_pull_dl(Rq& rq) REQUIRES(rq.lock);
void push_dl_tasks(Rq& rq) REQUIRES(rq.lock);
void pull_dl_tasks(Rq& rq) REQUIRES(rq.lock);

// change.cpp
void switched_from_dl(Rq& rq, Task& p) REQUIRES(rq.lock);
void switched_to_dl(Rq& rq, Task& p) REQUIRES(rq.lock);
void prio_changed_dl(Rq& rq, Task& p, u64 old_deadline) REQUIRES(rq.lock);
void migrate_task_rq_dl(Task& p);
void wakeup_preempt_dl(Rq& rq, Task& p) REQUIRES(rq.lock);

} // namespace runnel::sched
