// SPDX-License-Identifier: Apache-2.0
// What the deadline class (spec 5) keeps in a task, in a server and in a runqueue. Owned by sched/deadline.
#pragma once

#include "kernel/lib/rbtree.hpp"
#include "kernel/lib/types.hpp"

#include <atomic>
#include <sched/balance_callback.hpp>
#include <sched/hrtick.hpp>
#include <sched/port.hpp>

namespace runnel::sched {

struct DlEntity;
struct Rq;
struct Pick;

/// Bits of DlParams::flags, sched_attr's values.
inline constexpr u64 kSchedFlagReclaim = 2;
inline constexpr u64 kSchedFlagDlOverrun = 4;

/// What a task asks for, in ns (spec 5.1). period 0 means deadline.
struct DlParams {
  u64 runtime = 0;
  u64 deadline = 0;
  u64 period = 0;
  u64 flags = 0;
};

/// One of an entity's two timers. A queued timer may not be started a second time, nor one whose function is
/// on its way to the lock; so what is wanted of it is kept here and the function looks. rq lock of the
/// entity's rq.
struct DlTimer : port::Timer {
  constexpr DlTimer(void (*fn)(port::Timer&), DlEntity& of) : Timer(fn), owner(of) {}
  DlEntity& owner;
  Instant due;          // when something is to happen, if wanted
  bool wanted = false;  // the function acts; else it only says goodbye
  bool pending = false; // queued, or its function has not taken the lock yet. A task is referenced meanwhile
};

void dl_replenish_fired(port::Timer& timer);
void dl_inactive_fired(port::Timer& timer);

/// Lets the tasks of one class run with the guarantees of a deadline task when higher classes starve them
/// (spec 5.8).
struct DlServer {
  Pick (*pick)(Rq& rq) = nullptr; // asks the class for a task
  Rq* rq = nullptr;               // the one it belongs to, for ever; nullptr: not set up
};

/// A constant-bandwidth server: a deadline task, or what lets another class run. rq lock.
struct DlEntity {
  RbNode node;          // DlRq::queue, by deadline
  RbNode pushable_node; // DlRq::pushable, by deadline
  // Static parameters (spec 5.1), ns. 0: not a deadline task (but perhaps boosted into the class).
  u64 dl_runtime = 0;
  u64 dl_deadline = 0;
  u64 dl_period = 0;
  u64 flags = 0;   // kSchedFlagReclaim, kSchedFlagDlOverrun
  u64 bw = 0;      // dl_runtime / dl_period, 20 fraction bits
  u64 density = 0; // dl_runtime / dl_deadline, 20 fraction bits
  // The current instance.
  i64 runtime = 0;  // left, ns
  u64 deadline = 0; // absolute, rq clock, ns
  bool throttled = false;
  bool yielded = false;
  bool non_contending = false; // blocked before its 0-lag time: still part of running_bw (spec 5.6)
  bool overrun = false;        // depleted since the last tick, and its owner asked to be told
  u32 nr_overruns = 0;         // told so far
  // What it counts for in the two sums of its rq. Only dl_count() changes them, so that whatever was added is
  // what is taken off, by however many ways an entity comes and goes.
  u64 counted_bw = 0;
  bool counts_as_running = false;
  // While it runs with lent parameters (spec 5.9): its own instance, which is charged as well.
  bool borrows = false;
  i64 own_runtime = 0;
  u64 own_deadline = 0;
  // Servers (spec 5.8): the flags of the table of states.
  bool active = false;
  bool defer_armed = false;
  bool defer_running = false;
  bool defer_idle = false;
  u32 nr_activations = 0; // times it was queued
  DlServer server;        // server.rq != nullptr: this is one

  DlEntity* pi_se =
      this; // whose parameters are used: its own, or those of a waiter that lends them (spec 5.9)
  DlTimer replenish_timer{dl_replenish_fired, *this};
  DlTimer inactive_timer{dl_inactive_fired, *this};

  constexpr DlEntity() = default;
  DlEntity(const DlEntity&) = delete;
  DlEntity& operator=(const DlEntity&) = delete;

  bool is_server() const { return server.rq != nullptr; }
  bool is_boosted() const { return pi_se != this; }
  bool is_implicit() const { return dl_deadline == dl_period; }
  bool is_queued() const { return node.is_linked(); }
};

/// `a` comes before `b` on the circle of times (spec 0).
constexpr bool dl_before(u64 a, u64 b) { return static_cast<i64>(a - b) < 0; }
inline bool dl_earlier(const DlEntity& a, const DlEntity& b) { return dl_before(a.deadline, b.deadline); }

/// The two sums of GRUB (spec 5.6), 20 fraction bits. running_bw <= this_bw always.
struct DlSums {
  u64 this_bw = 0;    // all entities that belong to this rq
  u64 running_bw = 0; // of those the active ones: contending, or blocked before their 0-lag time
};

void dl_hrtick_fired(port::Timer& timer);

struct DlRq {
  RbTree<DlEntity, &DlEntity::node, dl_earlier> queue;
  RbTree<DlEntity, &DlEntity::pushable_node, dl_earlier>
      pushable;            // queued tasks that do not run and may move
  u32 nr_running = 0;      // entities in `queue`, servers included
  bool overloaded = false; // published in RootDomain::dlo_mask
  u64 published = 0;       // what cpudl holds for this CPU, if is_published
  bool is_published = false;
  std::atomic<u64> earliest_next{0}; // deadline of the first pushable; readable without the lock, a hint
  DlSums sums;
  bool servers_admitted = false; // their bandwidth is part of the root domain's account; dl_bw.lock as well
  DlEntity fair_server;
  DlEntity ext_server;
  Hrtick hrtick{dl_hrtick_fired}; // the running task has used up its runtime (HRTICK_DL)
  bool wants_pull = false; // the first here got later: before the next pick, look for earlier ones elsewhere
  BalanceCallback push;
  BalanceCallback pull;
};

} // namespace runnel::sched
