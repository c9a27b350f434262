// SPDX-License-Identifier: Apache-2.0
// Walking the chain of waiters from a picked donor to the task that executes for it (spec 6).
#include "sched/pi/find_proxy.hpp"

#include "sched/core/schedule.hpp"
#include "sched/pi/pi.hpp"
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

  proxy::Owner look_at_owner(Rq& rq, const Task& p) {
    if (owner == nullptr) return proxy::Owner::kNone;
    if (owner->on_rq.load(std::memory_order_relaxed) == OnRq::kNo || owner->sched_delayed)
      return proxy::Owner::kOff;
    owner_cpu = owner->task_cpu();
    if (owner_cpu != rq.cpu) return proxy::Owner::kElsewhere;
    if (owner->on_rq.load(std::memory_order_relaxed) == OnRq::kMigrating) return proxy::Owner::kMigratingHere;
    // It may have come and gone since the first look. If it is queued here now it stays: the rq lock is held.
    if (!owner->is_queued() || owner->task_cpu() != rq.cpu) return proxy::Owner::kMoved;
    return owner == &p ? proxy::Owner::kSelf : proxy::Owner::kHere;
  }
};

namespace {

/// Neither rq.donor nor the class's idea of who runs refers to the picked task any more: the moment it leaves
/// the queue or the lock is dropped another CPU may have it.
void make_idle_the_donor(Rq& rq) REQUIRES(rq.lock) {
  rq.dl_server = nullptr;
  put_prev_set_next_task(rq, *rq.donor, *rq.idle);
  rq.next_class = rq.idle->sched_class;
}

Task* idle_once(Rq& rq) REQUIRES(rq.lock) {
  make_idle_the_donor(rq);
  rq.idle->thread.flags.fetch_or(kNeedResched);
  return rq.idle;
}

void enqueue_moved(Task& p, Rq& target) {
  const RqLock guard(target);
  update_rq_clock(target);
  activate_task(target, p, kFlagMigrating | kFlagNoclock);
  wakeup_preempt(target, p, 0);
}

/// Takes the whole scheduling context of `p` to `cpu`, where it may not be allowed to execute: its wake_cpu
/// stays.
void move_donor(Rq& rq, Task& p, CpuId cpu) REQUIRES(rq.lock) {
  make_idle_the_donor(rq);
  deactivate_task(rq, p, kFlagMigrating | kFlagNoclock);
  const u32 wake_cpu = p.wake_cpu;
  set_task_cpu(p, cpu);
  p.wake_cpu = wake_cpu;
  zap_balance_callbacks(rq);
  rq_unlock(rq);
  enqueue_moved(p, cpu_rq(cpu));
  rq_lock(rq);
  update_rq_clock(rq);
}

/// Takes `p` off its queue to place it anew. False: somebody else was faster.
bool take_off(Rq& rq, Task& p) NO_THREAD_SAFETY_ANALYSIS {
  TaskRqLock locked(p);
  if (&locked.rq() != &rq || !p.is_queued() || p.is_on_cpu() || rq.donor == &p) return false;
  update_rq_clock(rq);
  deactivate_task(rq, p, kFlagMigrating | kFlagNoclock);
  return true;
}

/// Back to where `p` may execute. Placing needs pi_lock, which is further out: the rq lock is dropped.
void return_donor(Rq& rq, Task& p) REQUIRES(rq.lock) {
  make_idle_the_donor(rq);
  zap_balance_callbacks(rq);
  port::get_task(p);
  rq_unlock(rq);
  {
    const port::IrqLockGuard pi(p.pi_lock);
    if (take_off(rq, p)) { // until it is enqueued again it is kMigrating: it is nobody else's
      u32 wake_flags = kWakeTtwu;
      const CpuId cpu = select_task_rq(p, {p.wake_cpu}, wake_flags);
      set_task_cpu(p, cpu);
      set_blocked_on(p, nullptr);
      enqueue_moved(p, cpu_rq(cpu));
    }
  }
  port::put_task(p);
  rq_lock(rq);
  update_rq_clock(rq);
}

/// False: it may run already, and must not be put to sleep.
bool block_donor(Rq& rq, Task& donor) REQUIRES(rq.lock) {
  if (donor.state.load(std::memory_order_relaxed) == kRunning) return false;
  make_idle_the_donor(rq);
  deactivate_task(rq, donor, kDequeueSleep | kFlagNoclock); // from here on its waker may have it
  return true;
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
