// SPDX-License-Identifier: Apache-2.0
// The mutexes, conditions, barriers, semaphores and suspensions of a workload as plain state: who holds, who
// waits in which order, who goes on. No locking and no blocking here: the executor calls this under one lock,
// parks a waiter that must wait and wakes the ones that are handed back. First come, first served throughout:
// a mutex is handed to its longest waiter, so that nobody starves and a deterministic run stays one.
#pragma once

#include "kernel/lib/types.hpp"

namespace runnel::workload {

struct MutexObject;

/// One thread's place in the list of the one object it waits for.
struct Waiter {
  Waiter* next = nullptr;
  MutexObject* reacquire = nullptr; // of a thread in wait/sync: what it must hold again before it goes on
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

struct MutexObject {
  Waiter* owner = nullptr;
  WaitList waiters;
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

inline Outcome lock(MutexObject& mutex, Waiter& self) {
  if (mutex.owner == &self) return Outcome::kMisuse;
  if (mutex.owner == nullptr) {
    mutex.owner = &self;
    return Outcome::kGoOn;
  }
  mutex.waiters.push_back(self);
  return Outcome::kMustWait;
}

/// `wake(Waiter&)` is called for the new owner, if there is one.
template <typename Wake> Outcome unlock(MutexObject& mutex, Waiter& self, Wake wake) {
  if (mutex.owner != &self) return Outcome::kMisuse;
  mutex.owner = mutex.waiters.pop_front();
  if (mutex.owner != nullptr) wake(*mutex.owner);
  return Outcome::kGoOn;
}

/// Gives the mutex up and waits, in one step. The caller goes on, holding the mutex, after a signal.
template <typename Wake>
Outcome wait(ConditionObject& condition, MutexObject& mutex, Waiter& self, Wake wake) {
  if (mutex.owner != &self) return Outcome::kMisuse;
  self.reacquire = &mutex;
  condition.waiters.push_back(self);
  unlock(mutex, self, wake);
  return Outcome::kMustWait;
}

/// The longest waiter goes on as soon as it has its mutex: now when that is free, else when it is its turn
/// there. False: nobody waited.
template <typename Wake> bool signal(ConditionObject& condition, Wake wake) {
  Waiter* const waiter = condition.waiters.pop_front();
  if (waiter == nullptr) return false;
  if (lock(*waiter->reacquire, *waiter) == Outcome::kGoOn) wake(*waiter);
  return true;
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
