// SPDX-License-Identifier: Apache-2.0
// Priority inheritance and proxy execution: what a task carries for them (spec 4.1, 6). Owned by sched/pi.
#pragma once

#include "kernel/lib/rbtree.hpp"
#include "kernel/lib/types.hpp"

#include <atomic>
#include <sched/port.hpp>
#include <sched/prio.hpp>

namespace runnel::sched {

struct DlEntity;
struct MutexWaiter;
class Mutex;

/// How urgent a waiter is: realtime before fair, among deadline tasks the earlier deadline first. All fair
/// tasks are alike.
struct PiKey {
  i32 prio = kDefaultPrio;    // kDefaultPrio: fair, which lends nothing
  u64 deadline = 0;           // absolute; deadline waiters only
  DlEntity* lender = nullptr; // whose deadline parameters are lent; deadline waiters only
  bool lends() const { return prio < kMaxRtPrio; }
  constexpr bool operator==(const PiKey&) const = default;
};

constexpr bool is_more_urgent(const PiKey& a, const PiKey& b) {
  if (a.prio != b.prio) return a.prio < b.prio;
  return is_dl_prio(a.prio) && static_cast<i64>(a.deadline - b.deadline) < 0;
}

/// The most urgent waiter of one mutex, in the tree of the task that owns the mutex.
struct PiDonation {
  RbNode node;
  PiKey key;
};

inline bool is_more_urgent_donation(const PiDonation& a, const PiDonation& b) {
  return is_more_urgent(a.key, b.key);
}

struct PiEntity {
  port::Lock blocked_lock{port::LockRank::kBlocked}; // innermost (spec 1.2 L1); interrupts off
  RbTree<PiDonation, &PiDonation::node, is_more_urgent_donation> donations; // blocked_lock
  // Spec 6: null, the mutex the task waits for (set by itself only), or kProxyWaking (proxy.hpp). Written
  // under blocked_lock.
  std::atomic<Mutex*> blocked_on{nullptr};
  PiKey lent;                    // the donation that is in force; pi_lock and rq lock
  MutexWaiter* waiter = nullptr; // what the task waits in; pi_lock, set and cleared by the task itself
  u64 nr_blocks = 0;             // how often it has waited; pi_lock
};

} // namespace runnel::sched
