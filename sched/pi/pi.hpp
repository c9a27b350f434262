// SPDX-License-Identifier: Apache-2.0
// What the parts of priority inheritance share.
//
// Locks, outermost first (spec 1.2 L1): pi_lock of the task in hand, its rq lock, wait_lock of one mutex,
// blocked_lock of one task. A chain of owners is walked one task at a time; between two steps nothing is
// held. What is written down wins: every step reads what holds now, so that whoever comes last leaves the
// state that fits.
#pragma once

#include <sched/mutex.hpp>
#include <sched/pi.hpp>
#include <sched/rq.hpp>

namespace runnel::sched {

/// A lock while interrupts are off already.
class SCOPED_CAPABILITY InnerLock {
 public:
  explicit InnerLock(port::Lock& lock) ACQUIRE(lock) : lock_(lock) { lock_.lock(); }
  ~InnerLock() RELEASE() { lock_.unlock(); }
  InnerLock(const InnerLock&) = delete;
  InnerLock& operator=(const InnerLock&) = delete;

 private:
  port::Lock& lock_;
};

/// How urgent `p` is as a waiter. pi_lock.
PiKey pi_key_of(const Task& p);

/// Gives `p` the priority, or the deadline parameters, that its waiters lend it now. pi_lock held;
/// `callbacks` are due when it is released.
void pi_adjust_prio(Task& p, DeferredCallbacks& callbacks);
/// The same, no lock held.
void pi_adjust_prio(Task& p);

/// Changes what `p` waits for in the sense of proxy execution (spec 6). No lock of rank kBlocked is held.
void set_blocked_on(Task& p, Mutex* what);
/// The wait of `p` is over, be it that the mutex becomes its own or that a signal ends it: kProxyWaking. Not
/// if it does not wait in this sense. Interrupts are off.
void mark_waking(Task& p);

enum class Walk {
  kWhileChanges, // until a task is reached for whom nothing changes
  kWhole,        // to the end, to see whether the chain comes back
};
enum class Chain { kEnds, kDeadlock };

/// Adjusts `first` (of which a reference is given up) and whoever it waits for, and so on. `origin`: the task
/// that is about to wait at the chain's beginning; nullptr: nobody.
Chain pi_walk_chain(Task* first, const Task* origin, Walk walk);

} // namespace runnel::sched
