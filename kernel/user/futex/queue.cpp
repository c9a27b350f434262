// SPDX-License-Identifier: Apache-2.0
#include "kernel/user/futex/queue.hpp"

#include "kernel/sync/rcu.hpp"
#include "kernel/user/mm/mm.hpp"
#include "kernel/user/uaccess.hpp"

#include <algorithm>
#include <sched/sched.hpp>
#include <utility>

namespace runnel::user {

static constinit FutexBucket buckets[kFutexBuckets];

FutexBucket& futex_bucket_at(u32 index) { return buckets[index]; }

FutexPiState* FutexBucket::find_pi(const FutexKey& key) {
  for (FutexPiState& state : pi_states)
    if (state.key == key) return &state;
  return nullptr;
}

void FutexBucket::insert(FutexWaiter& waiter) {
  waiter.bucket.store(this, std::memory_order_relaxed);
  FutexWaiter* last = waiters.back();
  if (last == nullptr || last->prio <= waiter.prio) return waiters.push_back(waiter);
  for (FutexWaiter& other : waiters)
    if (waiter.prio < other.prio) return waiters.insert_before(other, waiter);
}

void FutexBucket::wake(FutexWaiter& waiter) {
  // The thread may run, return and exit before it is woken here; its memory outlives the section.
  const sync::RcuReadGuard keeps_task_allocated;
  sched::Task& task = *waiter.task;
  decltype(waiters)::erase(waiter);
  waiter.bucket.store(nullptr, std::memory_order_release); // from here on `waiter` may be gone
  sched::wake_up_process(task);
}

TwoBuckets::TwoBuckets(FutexBucket& a, FutexBucket& b) NO_THREAD_SAFETY_ANALYSIS
    : first_(std::min(&a, &b)),
      second_(&a == &b ? nullptr : std::max(&a, &b)) {
  sync::preempt_disable();
  first_->lock.lock();
  if (second_ != nullptr) second_->lock.lock_nested();
}

TwoBuckets::~TwoBuckets() NO_THREAD_SAFETY_ANALYSIS {
  if (second_ != nullptr) second_->lock.unlock();
  first_->lock.unlock();
  sync::preempt_enable();
}

Result<FutexKey> futex_key(u64 address, FutexScope scope) {
  if (address % sizeof(u32) != 0) return err(Errno::kINVAL);
  if (!is_user_range(address, sizeof(u32))) return err(Errno::kFAULT);
  Mm* mm = current_mm();
  const u64 here = reinterpret_cast<uptr>(mm);
  if (scope == FutexScope::kPrivate) return FutexKey{here, address, FutexKey::Kind::kPrivate};
  const auto shared = mm->shared_key(address);
  if (!shared) return err(shared.error());
  if (shared->identity == 0) return FutexKey{here, address, FutexKey::Kind::kPrivateMemory};
  return FutexKey{shared->identity, (shared->page << kPageShift) + (address & (kPageSize - 1)),
                  FutexKey::Kind::kObject};
}

Result<> fault_in_word(u64 address, WordAccess access) {
  const auto value = load_user<u32>(address);
  if (!value) return err(value.error());
  if (access == WordAccess::kRead) return {};
  // Writes what is there: a fault for writing without changing anything.
  const auto seen = compare_exchange_user<u32>(address, *value, *value);
  return seen ? Result<>() : err(seen.error());
}

Result<> futex_enqueue(FutexWaiter& waiter, u64 address, FutexScope scope, u32 expected) {
  waiter.task = &sched::current();
  waiter.prio = std::min(waiter.task->normal_prio, sched::kMaxRtPrio);
  for (;;) {
    const auto key = futex_key(address, scope);
    if (!key) return err(key.error());
    waiter.key = *key;
    {
      FutexBucket& bucket = futex_bucket_of(*key);
      const SpinGuard guard(bucket.lock);
      const auto value = load_user<u32>(address);
      if (value && *value != expected) return err(Errno::kAGAIN);
      if (value && waiter.lock_key != nullptr && *waiter.lock_key == *key) return err(Errno::kINVAL);
      if (value) {
        bucket.insert(waiter);
        return {};
      }
    }
    RUNNEL_TRY(fault_in_word(address, WordAccess::kRead));
  }
}

bool futex_dequeue(FutexWaiter& waiter) {
  for (;;) {
    FutexBucket* bucket = waiter.bucket.load(std::memory_order_acquire);
    if (bucket == nullptr) return false;
    const SpinGuard guard(bucket->lock);
    if (waiter.bucket.load(std::memory_order_relaxed) != bucket) continue; // woken or moved meanwhile
    decltype(bucket->waiters)::erase(waiter);
    waiter.bucket.store(nullptr, std::memory_order_relaxed);
    return true;
  }
}

} // namespace runnel::user
