// SPDX-License-Identifier: Apache-2.0
// The chain of tasks that wait for each other's mutexes: what is lent at its beginning goes through to its
// end, and a chain that comes back to its beginning is a deadlock (spec 4.1).
#include "sched/pi/pi.hpp"

namespace runnel::sched {

/// One step of a walk.
struct PiChain {
  Task* next = nullptr; // owner of the mutex the task waits for; referenced
  bool changed = false; // more or less is lent to it now
  u64 identity = 0;     // of this wait; never twice the same

  explicit PiChain(Task& p) NO_THREAD_SAFETY_ANALYSIS {
    DeferredCallbacks callbacks;
    const port::IrqLockGuard pi(p.pi_lock);
    pi_adjust_prio(p, callbacks);
    MutexWaiter* const waiter = p.pi.waiter;
    if (waiter == nullptr) return;
    // While pi_lock is held p cannot leave lock(), so the waiter and its mutex stay.
    identity = u64{p.pid} << 40 ^ p.pi.nr_blocks;
    Mutex& mutex = waiter->mutex;
    const InnerLock wait(mutex.wait_lock_);
    if (!waiter->node.is_linked()) return; // it owns the mutex now, or gave up
    if (const PiKey key = pi_key_of(p); key != waiter->key) {
      mutex.waiters_.erase(*waiter);
      waiter->key = key;
      mutex.waiters_.insert(*waiter);
      const PiKey before = mutex.donation_.key;
      mutex.update_donation();
      changed = mutex.donation_.key != before;
    }
    next = mutex.owner();
    port::get_task(*next); // alive: it owns a mutex
  }
};

namespace {

struct Found {
  Chain chain = Chain::kEnds;
  u64 fingerprint = 0; // of all waits on the way
  bool too_deep = false;
};

Found walk_once(Task* p, const Task* origin, Walk walk) {
  Found found;
  for (u32 depth = 0; p != nullptr; ++depth) {
    if (p == origin || depth >= kMaxLockDepth) {
      found.chain = Chain::kDeadlock;
      found.too_deep = p != origin;
      port::put_task(*p);
      break;
    }
    const PiChain step(*p);
    port::put_task(*p);
    found.fingerprint = found.fingerprint * 0x9e3779b97f4a7c15 + step.identity;
    p = step.next;
    if (walk == Walk::kWhileChanges && !step.changed && p != nullptr) {
      port::put_task(*p);
      break;
    }
  }
  return found;
}

} // namespace

Chain pi_walk_chain(Task* first, const Task* origin, Walk walk) {
  if (walk == Walk::kWhileChanges) return walk_once(first, origin, walk).chain;
  // The links of a chain are looked at one after the other, so a circle may never have been closed at one
  // moment. One whose waits are all still the same when it is walked again was closed in between.
  port::get_task(*first);
  const Found found = walk_once(first, origin, walk);
  Chain result = found.chain;
  if (found.chain == Chain::kDeadlock && !found.too_deep) {
    // And its first link: `first` may have passed the mutex on before it came to wait for what origin owns.
    const bool still_owns = origin->pi.waiter->mutex.owner() == first;
    port::get_task(*first);
    const Found again = walk_once(first, origin, walk);
    const bool same = again.chain == Chain::kDeadlock && again.fingerprint == found.fingerprint;
    if (!still_owns || !same) result = Chain::kEnds;
  }
  port::put_task(*first);
  return result;
}

void pi_adjust_chain(Task& p) {
  port::get_task(p);
  pi_walk_chain(&p, nullptr, Walk::kWhileChanges);
}

} // namespace runnel::sched
