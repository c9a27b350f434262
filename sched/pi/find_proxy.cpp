// SPDX-License-Identifier: Apache-2.0
// Walking the chain of waiters from a picked donor to the task that executes for it (spec 6).
#include "sched/pi/find_proxy.hpp"

#include "sched/pi/pi.hpp"
#include "sched/pi/proxy_move.hpp"
#include "sched/pi/proxy_rules.hpp"

#include <sched/proxy.hpp>
#include <sched/sched_class.hpp>

namespace runnel::sched {

/// What lies at one element. Written as a friend of Mutex: wait_lock and blocked_lock are held while it
/// looks.
struct ProxyLook {
  proxy::Action action = proxy::Action::kRun;
  Task* owner = nullptr; // kFollow
  CpuId owner_cpu;       // kMove

  ProxyLook(Rq& rq, Task& p, bool& chain_executes) NO_THREAD_SAFETY_ANALYSIS {
    proxy::Finding found;
    found.executes = &p == rq.curr;
    Mutex* const mutex = p.pi.blocked_on.load(std::memory_order_relaxed);
    if (mutex == nullptr) return;
    if (mutex == kProxyWaking) {
      found.blocked_on = proxy::BlockedOn::kWaking;
      const InnerLock blocked(p.pi.blocked_lock);
      decide(p, found);
      return;
    }
    // p cannot come out of lock() without executing, so the mutex stays.
    const InnerLock wait(mutex->wait_lock_);
    const InnerLock blocked(p.pi.blocked_lock);
    found.blocked_on = proxy::BlockedOn::kMutex;
    found.changed = p.pi.blocked_on.load(std::memory_order_relaxed) != mutex;
    chain_executes = chain_executes || found.executes;
    found.chain_executes = chain_executes;
    owner = mutex->owner();
    found.owner = look_at_owner(rq, p);
    decide(p, found);
  }

 private:
  /// blocked_lock of p is held.
  void decide(Task& p, const proxy::Finding& found) {
    action = proxy::action_for(found, features.proxy_level);
    if (action == proxy::Action::kClearAndRun) p.pi.blocked_on.store(nullptr, std::memory_order_relaxed);
  }

  /// wait_lock is held: the owner exists. Where it is stands still only if that is here.
  proxy::Owner look_at_owner(Rq& rq, const Task& p) {
    if (owner == nullptr) return proxy::Owner::kNone;
    const bool delayed = std::atomic_ref(owner->sched_delayed).load(std::memory_order_relaxed);
    if (owner->on_rq.load(std::memory_order_relaxed) == OnRq::kNo || delayed) return proxy::Owner::kOff;
    owner_cpu = owner->task_cpu();
    // A CPU that goes down gets nothing new; a throttled owner may even be on one that is down (K10).
    if (owner_cpu != rq.cpu)
      return port::active_cpus().test(owner_cpu) ? proxy::Owner::kElsewhere : proxy::Owner::kOff;
    if (owner->on_rq.load(std::memory_order_relaxed) == OnRq::kMigrating) return proxy::Owner::kMigratingHere;
    // It may have come and gone since the first look. If it is queued here now it stays: the rq lock is held.
    if (!owner->is_queued() || owner->task_cpu() != rq.cpu) return proxy::Owner::kMoved;
    return owner == &p ? proxy::Owner::kSelf : proxy::Owner::kHere;
  }
};

namespace {

Task* idle_once(Rq& rq) REQUIRES(rq.lock) {
  make_idle_the_donor(rq);
  rq.idle->thread.flags.fetch_or(kNeedResched);
  return rq.idle;
}

} // namespace

Task* find_proxy_task(Rq& rq, Task& donor) {
  bool chain_executes = false;
  for (Task* p = &donor;;) {
    const ProxyLook look(rq, *p, chain_executes);
    switch (look.action) {
    case proxy::Action::kRun:
    case proxy::Action::kClearAndRun:
      return p;
    case proxy::Action::kFollow:
      p = look.owner;
      continue;
    case proxy::Action::kPickAgain:
      return nullptr;
    case proxy::Action::kIdleOnce:
      return idle_once(rq);
    case proxy::Action::kMove:
      move_donor(rq, *p, look.owner_cpu);
      return nullptr;
    case proxy::Action::kBlockDonor:
      if (!block_donor(rq, donor)) return_donor(rq, donor);
      return nullptr;
    case proxy::Action::kReturn:
      return_donor(rq, *p);
      return nullptr;
    }
  }
}

} // namespace runnel::sched
