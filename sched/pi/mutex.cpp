// SPDX-License-Identifier: Apache-2.0
// The mutex itself: queueing, handing over, giving up.
#include "sched/pi/pi.hpp"

#include <sched/proxy.hpp>
#include <sched/sched.hpp>
#include <sched/sched_class.hpp>

namespace runnel::sched {

void set_blocked_on(Task& p, Mutex* what) {
  const port::IrqGuard irqs_off;
  const port::PreemptGuard no_preempt;
  const InnerLock blocked(p.pi.blocked_lock);
  Mutex* const before = p.pi.blocked_on.load(std::memory_order_relaxed);
  port::assert_(what == nullptr || before == nullptr || before == what || before == kProxyWaking);
  p.pi.blocked_on.store(what, std::memory_order_relaxed);
}

void mark_waking(Task& p) {
  const InnerLock blocked(p.pi.blocked_lock);
  if (p.pi.blocked_on.load(std::memory_order_relaxed) != nullptr)
    p.pi.blocked_on.store(kProxyWaking, std::memory_order_relaxed);
}

/// The most urgent waiter has changed, or the owner: what is lent to the owner on account of this mutex.
/// Under proxy execution that is nothing: the waiter's whole scheduling context is the owner's to use, and an
/// owner that had its priority besides would be picked, and charged, for itself (spec 6).
void Mutex::update_donation() NO_THREAD_SAFETY_ANALYSIS {
  Task& owner = *this->owner();
  const bool by_proxy = features.proxy_exec && waits_ != MutexWaits::kMayGiveUp;
  const MutexWaiter* first = by_proxy ? nullptr : waiters_.first();
  if (first != nullptr && donation_.node.is_linked() && donation_.key == first->key) return;
  const InnerLock blocked(owner.pi.blocked_lock);
  if (donation_.node.is_linked()) owner.pi.donations.erase(donation_);
  donation_.key = first != nullptr ? first->key : PiKey{};
  if (first != nullptr) owner.pi.donations.insert(donation_);
}

void Mutex::withdraw_donation(Task& from) NO_THREAD_SAFETY_ANALYSIS {
  const InnerLock blocked(from.pi.blocked_lock);
  if (donation_.node.is_linked()) from.pi.donations.erase(donation_);
}

/// Takes the free mutex, or queues `self` and gives a reference to the owner.
Mutex::Enqueued Mutex::take_or_queue(MutexWaiter& self, Task** owner) {
  const port::IrqLockGuard pi(self.task.pi_lock);
  const InnerLock wait(wait_lock_);
  u64 word = word_.load(std::memory_order_relaxed);
  // Acquire, if it is free by now: as in try_lock().
  while (!word_.compare_exchange_weak(word, word == 0 ? word_of(self.task) : word | kContended,
                                      std::memory_order_acquire, std::memory_order_relaxed)) {
  }
  if (word == 0) return Enqueued::kTaken;
  *owner = owner_of(word);
  self.key = pi_key_of(self.task);
  waiters_.insert(self);
  update_donation();
  self.task.pi.waiter = &self;
  ++self.task.pi.nr_blocks;
  port::get_task(**owner); // alive: it owns the mutex
  return Enqueued::kWaits;
}

/// Takes `self` out again. False: too late, the mutex is on its way to it.
bool Mutex::give_up(MutexWaiter& self) {
  Task* owner;
  {
    const port::IrqLockGuard pi(self.task.pi_lock);
    const InnerLock wait(wait_lock_);
    if (!self.node.is_linked()) return false;
    waiters_.erase(self);
    update_donation();
    self.task.pi.waiter = nullptr;
    owner = this->owner();
    port::get_task(*owner);
  }
  pi_walk_chain(owner, nullptr, Walk::kWhileChanges);
  return true;
}

/// About to sleep, unless the mutex is its own by now: from here on another task may execute in its stead.
/// Not before it is known that the wait closes no circle, so that a walk along blocked_on comes to an end.
void Mutex::note_wait(MutexWaiter& self) {
  const port::IrqLockGuard wait(wait_lock_);
  if (self.node.is_linked()) set_blocked_on(self.task, this);
}

namespace {

Result<> sleep_until_woken(void*) {
  schedule();
  return {};
}

} // namespace

Result<> Mutex::lock_contended() { return lock_by(kUninterruptible, sleep_until_woken, nullptr); }

Result<> Mutex::lock_with(MutexSleep sleep, void* context) {
  port::assert_(waits_ == MutexWaits::kMayGiveUp);
  return lock_by(kInterruptible, sleep, context);
}

Result<> Mutex::lock_by(u32 state, MutexSleep sleep, void* context) {
  port::assert_no_locks_held("mutex lock with a spinlock held");
  if (try_lock()) return {};
  MutexWaiter self(current(), *this);
  Task* owner;
  if (this->owner() == &self.task) return err(Errno::kDEADLK);
  if (take_or_queue(self, &owner) == Enqueued::kTaken) return {};
  if (pi_walk_chain(owner, &self.task, Walk::kWhole) == Chain::kDeadlock && give_up(self))
    return err(Errno::kDEADLK);
  for (;;) {
    if (waits_ != MutexWaits::kMayGiveUp) note_wait(self); // before the state store (spec 6)
    set_current_state(state);
    // Acquire: pairs with the release in unlock; what the previous owner did is visible.
    if (self.granted.load(std::memory_order_acquire) != 0) break;
    const Result<> slept = sleep(context);
    if (slept) continue;
    if (give_up(self)) {
      self.task.state.store(kRunning, std::memory_order_relaxed);
      return slept;
    }
    state =
        kUninterruptible; // too late to give up: the mutex arrives any moment, and nothing ends that sleep
    sleep = sleep_until_woken;
  }
  self.task.state.store(kRunning, std::memory_order_relaxed);
  set_blocked_on(self.task, nullptr);
  const port::IrqLockGuard pi(self.task.pi_lock); // whoever walks through here is done with `self` afterwards
  self.task.pi.waiter = nullptr;
  return {};
}

void Mutex::own_by(Task& owner) {
  const port::IrqLockGuard wait(wait_lock_);
  port::assert_(word_.load(std::memory_order_relaxed) == 0 && waiters_.first() == nullptr);
  word_.store(word_of(owner), std::memory_order_relaxed);
}

Task* Mutex::first_waiter() {
  const port::IrqLockGuard wait(wait_lock_);
  const MutexWaiter* first = waiters_.first();
  return first == nullptr ? nullptr : &first->task;
}

/// `*next`: the next owner's waiter; nullptr: nobody waits.
bool Mutex::pass_on(MutexWaiter** next, const Task* const* to) {
  const port::IrqLockGuard wait(wait_lock_);
  Task& from = current();
  port::assert_(owner() == &from);
  *next = waiters_.first();
  if (to != nullptr && (*next == nullptr ? nullptr : &(*next)->task) != *to) return false;
  if (*next == nullptr) {
    word_.store(0, std::memory_order_release); // those who waited have given up, or there was nobody
    return true;
  }
  withdraw_donation(from);
  waiters_.erase(**next);
  word_.store(word_of((*next)->task) | (waiters_.first() != nullptr ? kContended : 0),
              std::memory_order_relaxed);
  update_donation();
  mark_waking((*next)->task); // under wait_lock, before the wake-up is queued (spec 6)
  return true;
}

bool Mutex::unlock_to(const Task* to) { return unlock_if(&to); }

bool Mutex::unlock_if(const Task* const* to) {
  // Between giving back what was lent and waking whom it belongs to nobody of medium priority may get in.
  const port::PreemptGuard no_preempt;
  // The new owner may run, unlock and exit before it is woken here; a task's memory outlives every RCU read
  // section that could have seen the task.
  const port::RcuReadGuard keeps_next_allocated;
  MutexWaiter* waiter;
  if (!pass_on(&waiter, to)) return false;
  if (waiter == nullptr) return true;
  Task& next = waiter->task;
  pi_adjust_prio(current());
  pi_adjust_prio(next); // by those who wait behind it
  waiter->granted.store(1,
                        std::memory_order_release); // from here on `waiter` may be gone with its stack frame
  wake_up_process(next);
  if (!features.proxy_exec) return true;
  // Whoever this task executed for may go on by itself now, or waits for another one.
  const RqLock guard(this_rq());
  if (this_rq().donor != this_rq().curr) resched_curr(this_rq());
  return true;
}

} // namespace runnel::sched
