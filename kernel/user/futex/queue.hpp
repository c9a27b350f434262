// SPDX-License-Identifier: Apache-2.0
// Who waits for which word: buckets of waiters by key, and the word itself read under a bucket's lock.
//
// The word is looked at under the lock of its bucket, where no fault can be served: an access that fails
// there is made again outside (fault_in_word), which serves the fault or finds that there is nothing, and the
// call starts over. A waker stores to the word first and takes the lock then, so either the waiter sees the
// new value or the waker sees the waiter.
#pragma once

#include "kernel/lib/list.hpp"
#include "kernel/lib/types.hpp"
#include "kernel/sync/spinlock.hpp"
#include "kernel/user/futex/key.hpp"
#include "kernel/user/futex/op.hpp"
#include "kernel/user/futex/pi.hpp"

#include <sched/task.hpp>
#include <span>

namespace runnel::user {

struct FutexBucket;

/// One thread at one word, on its own stack. Everything is guarded by the bucket's lock.
struct FutexWaiter {
  ListNode node;
  FutexKey key;
  u32 bitset = kFutexAnyBit;
  i32 prio = 0; // when it came; all but real-time threads are equal
  sched::Task* task = nullptr;
  /// Of FUTEX_WAIT_REQUEUE_PI: the lock that the one who wakes it must name, and what became of that then.
  const FutexKey* lock_key = nullptr;
  enum class Lock : u8 { kToBeTaken, kTaken } lock = Lock::kToBeTaken;
  /// Where it is queued; nullptr: it was woken (release: what the waker did before is visible, and the waker
  /// does not touch this object any more).
  std::atomic<FutexBucket*> bucket{nullptr};

  bool is_woken() const { return bucket.load(std::memory_order_acquire) == nullptr; }
};

struct alignas(64) FutexBucket {
  SpinLock lock{LockRank::kFutex};
  List<FutexWaiter, &FutexWaiter::node> waiters GUARDED_BY(lock); // most urgent first, then who came first

  List<FutexPiState, &FutexPiState::node> pi_states GUARDED_BY(lock); // attached ones

  void insert(FutexWaiter& waiter) REQUIRES(lock);
  FutexPiState* find_pi(const FutexKey& key) REQUIRES(lock);
  /// Takes it off and wakes its thread.
  void wake(FutexWaiter& waiter) REQUIRES(lock);
};

FutexBucket& futex_bucket_at(u32 index);
inline FutexBucket& futex_bucket_of(const FutexKey& key) { return futex_bucket_at(futex_bucket(key)); }

/// Two buckets, perhaps the same one, locked in the order of their addresses.
class SCOPED_CAPABILITY TwoBuckets {
 public:
  TwoBuckets(FutexBucket& a, FutexBucket& b) ACQUIRE(a.lock, b.lock);
  ~TwoBuckets() RELEASE();
  TwoBuckets(const TwoBuckets&) = delete;
  TwoBuckets& operator=(const TwoBuckets&) = delete;

 private:
  FutexBucket* first_;
  FutexBucket* second_; // nullptr: the same
};

enum class FutexScope : u8 { kPrivate, kShared };
constexpr FutexScope futex_scope(u32 flags) {
  return (flags & kFutexPrivate) != 0 ? FutexScope::kPrivate : FutexScope::kShared;
}

/// kINVAL: not aligned to 4; kFAULT: no user's address, or a shared one where nothing is mapped. Sleeps.
Result<FutexKey> futex_key(u64 address, FutexScope scope);

/// Serves the fault an access under a spinlock could not. kFAULT: there is none to be served.
enum class WordAccess : u8 { kRead, kWrite };
Result<> fault_in_word(u64 address, WordAccess access);

/// Puts the current thread's waiter in its bucket if the word has this value. kAGAIN: it has another one;
/// kFAULT; kINVAL: it is the word of the lock it is to be moved to. Sleeps.
Result<> futex_enqueue(FutexWaiter& waiter, u64 address, FutexScope scope, u32 expected);
/// Takes it off. False: too late, it was woken.
bool futex_dequeue(FutexWaiter& waiter);

/// Wakes up to `most` (at least one: Linux looks at the number afterwards) with a common bit. kINVAL: PI
/// waiters, and those of FUTEX_WAIT_REQUEUE_PI.
Result<u32> futex_wake(u64 address, FutexScope scope, i32 most, u32 bitset);

/// Until one of them is woken; they are queued, and stay so if they are not woken.
WaitResult futex_sleep(std::span<FutexWaiter> waiters, Instant until);

// The calls; a number or a negative errno.
struct FutexPair {
  u64 from = 0, to = 0; // addresses
  FutexScope scope = FutexScope::kPrivate;
};
i64 futex_wait(u64 address, FutexScope scope, u32 expected, Instant until, u32 bitset);
/// Until futex_requeue_pi() moves it to the lock `words.to`, which it has then. kTIMEDOUT; kAGAIN: a signal
/// came after it was moved, or the word has another value.
i64 futex_wait_requeue_pi(const FutexPair& words, u32 expected, Instant until);
/// The most urgent waiter gets the lock if it is free, the next ones wait for it, `nr_move` and one together;
/// their number. kDEADLK: that waiter owns it.
i64 futex_requeue_pi(const FutexPair& words, i32 nr_wake, i32 nr_move, u32 expected);
i64 futex_requeue(const FutexPair& words, i32 nr_wake, i32 nr_move, const u32* expected);
i64 futex_wake_op(const FutexPair& words, i32 nr_wake, i32 nr_wake_second, u32 encoded);

} // namespace runnel::user
