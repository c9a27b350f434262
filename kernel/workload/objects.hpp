// SPDX-License-Identifier: Apache-2.0
// The conditions, barriers, semaphores and suspensions of a workload as plain state: who waits in which
// order, who goes on; and who owns which mutex. No locking and no blocking here: the executor calls this
// under one lock, parks a waiter that must wait and wakes the ones that are handed back. First come, first
// served, so that nobody starves and a deterministic run stays one. (Who gets a mutex next, and who inherits
// what, is the ground's business.)
#pragma once

#include "kernel/lib/types.hpp"

namespace runnel::workload {

/// One thread's place in the list of the one object it waits for.
struct Waiter {
  Waiter* next = nullptr;
};

class WaitList {
 public:
  bool empty() const { return first_ == nullptr; }
  void push_back(Waiter& waiter) {
    waiter.next = nullptr;
    *tail_ = &waiter;
    tail_ = &waiter.next;
  }
  Waiter* pop_front() {
    Waiter* const waiter = first_;
    if (waiter == nullptr) return nullptr;
    first_ = waiter->next;
    if (first_ == nullptr) tail_ = &first_;
    waiter->next = nullptr;
    return waiter;
  }

  WaitList() = default;
  WaitList(const WaitList&) = delete;
  WaitList& operator=(const WaitList&) = delete;

 private:
  Waiter* first_ = nullptr;
  Waiter** tail_ = &first_;
};

enum class Outcome : u8 {
  kGoOn,
  kMustWait, // the caller is on the object's list
  kMisuse,   // nothing happened: locked what it holds, unlocked or waited with what it does not hold
};

/// What is known of a mutex: its owner, from when that has it until just before it gives it up.
struct MutexRecord {
  const Waiter* owner = nullptr;
  Instant released_at;
};

struct ConditionObject {
  WaitList waiters;
};

struct BarrierObject {
  u32 users = 0;
  u32 waiting = 0;
  WaitList waiters;
};

struct SemaphoreObject {
  u64 count = 0;
  WaitList waiters;
};

/// The longest waiter goes on. False: nobody waited.
template <typename Wake> bool signal(ConditionObject& condition, Wake wake) {
  Waiter* const waiter = condition.waiters.pop_front();
  if (waiter != nullptr) wake(*waiter);
  return waiter != nullptr;
}

template <typename Wake> void broadcast(ConditionObject& condition, Wake wake) {
  while (signal(condition, wake)) {
  }
}

/// The last of `users` lets all others go on and does not wait itself.
template <typename Wake> Outcome arrive(BarrierObject& barrier, Waiter& self, Wake wake) {
  if (barrier.waiting + 1 < barrier.users) {
    ++barrier.waiting;
    barrier.waiters.push_back(self);
    return Outcome::kMustWait;
  }
  barrier.waiting = 0;
  while (Waiter* const waiter = barrier.waiters.pop_front()) wake(*waiter);
  return Outcome::kGoOn;
}

inline Outcome sem_wait(SemaphoreObject& semaphore, Waiter& self) {
  if (semaphore.count != 0) {
    --semaphore.count;
    return Outcome::kGoOn;
  }
  semaphore.waiters.push_back(self);
  return Outcome::kMustWait;
}

template <typename Wake> void sem_post(SemaphoreObject& semaphore, Wake wake) {
  if (Waiter* const waiter = semaphore.waiters.pop_front())
    wake(*waiter);
  else
    ++semaphore.count;
}

/// All of a task's suspended threads go on; a resume that finds none is lost, as in rt-app.
template <typename Wake> void resume(WaitList& suspended, Wake wake) {
  while (Waiter* const waiter = suspended.pop_front()) wake(*waiter);
}

} // namespace runnel::workload
