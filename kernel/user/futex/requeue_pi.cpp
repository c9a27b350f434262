// SPDX-License-Identifier: Apache-2.0
// Condition variables of locks with priority inheritance (spec linux_abi 6: WAIT_REQUEUE_PI, CMP_REQUEUE_PI).
//
// Who is moved is woken and takes its place in the lock's queue by itself, by its priority, before it returns
// to its program; the most urgent one is given a lock that is free at once, so that nobody gets in before it.
#include "kernel/user/futex/pi_word.hpp"
#include "kernel/user/futex/queue.hpp"
#include "kernel/user/syscall.hpp"

namespace runnel::user {
namespace {

struct Requeue {
  const FutexPair& words;
  const FutexKey &from, &to;
  i32 nr_move;
  u32 word; // the lock's, read before the buckets were locked
  const Task* owner;
  i64 result = 0;

  using Lock = FutexWaiter::Lock;
  PiStep run(FutexBucket& in, FutexBucket& locks) REQUIRES(in.lock, locks.lock);
  PiStep give_lock(FutexBucket& in, FutexBucket& locks) REQUIRES(in.lock, locks.lock);
  bool is_for_lock(const FutexWaiter& waiter) const {
    return waiter.lock_key != nullptr && *waiter.lock_key == to;
  }
  static void wake(FutexBucket& in, FutexWaiter& waiter, Lock lock) REQUIRES(in.lock) {
    waiter.lock = lock;
    in.wake(waiter);
  }
};

FutexWaiter* first_for(FutexBucket& bucket, const FutexKey& key) REQUIRES(bucket.lock) {
  for (FutexWaiter& waiter : bucket.waiters)
    if (waiter.key == key) return &waiter;
  return nullptr;
}

/// The lock to the first waiter, if it has no owner. kDone: `result` is 1, or an error; kWait: it has one.
PiStep Requeue::give_lock(FutexBucket& in, FutexBucket& locks) {
  FutexWaiter* const first = first_for(in, from);
  if (first == nullptr) return PiStep::kDone;
  if (!is_for_lock(*first)) {
    result = negative(Errno::kINVAL);
    return PiStep::kDone;
  }
  const u32 tid = word & kFutexTidMask;
  const bool has_state = locks.find_pi(to) != nullptr;
  u32 seen = word;
  if (tid == 0 && !has_state) {
    const u32 waiters = nr_move > 0 ? kFutexWaiters : 0;
    const PiStep step = exchange_word(words.to, seen, first->task->pid | (word & kFutexOwnerDied) | waiters);
    if (step != PiStep::kDone) return step;
    wake(in, *first, Lock::kTaken);
    result = 1;
    return PiStep::kWait; // and those behind it
  }
  if (tid == first->task->pid) {
    result = negative(Errno::kDEADLK);
    return PiStep::kDone;
  }
  // So that the owner does not give it back without looking here.
  if (const PiStep told = exchange_word(words.to, seen, word | kFutexWaiters); told != PiStep::kDone)
    return told;
  if (owner != nullptr || has_state) return PiStep::kWait;
  result = negative(Errno::kSRCH);
  seen = word | kFutexWaiters;
  return exchange_word(words.to, seen, word);
}

PiStep Requeue::run(FutexBucket& in, FutexBucket& locks) {
  if (const PiStep step = give_lock(in, locks); step != PiStep::kWait) return step;
  for (auto at = in.waiters.begin(); at != in.waiters.end() && result - 1 < nr_move;) {
    FutexWaiter& waiter = *at;
    ++at; // before it may be taken off
    if (waiter.key != from) continue;
    if (!is_for_lock(waiter)) {
      result = negative(Errno::kINVAL);
      break;
    }
    wake(in, waiter, Lock::kToBeTaken);
    ++result;
  }
  return PiStep::kDone;
}

} // namespace

i64 futex_requeue_pi(const FutexPair& words, i32 nr_wake, i32 nr_move, u32 expected) {
  if (nr_wake != 1 || nr_move < 0 || words.from == words.to) return negative(Errno::kINVAL);
  for (;;) {
    const auto from = futex_key(words.from, words.scope);
    if (!from) return negative(from.error());
    const auto to = futex_key(words.to, words.scope);
    if (!to) return negative(to.error());
    if (*from == *to) return negative(Errno::kINVAL);
    const auto word = load_user<u32>(words.to);
    const TaskRef owner(word ? *word & kFutexTidMask : 0);
    Requeue requeue{.words = words,
                    .from = *from,
                    .to = *to,
                    .nr_move = nr_move,
                    .word = word ? *word : 0,
                    .owner = owner.get()};
    PiStep step = PiStep::kFault;
    bool is_readable;
    {
      FutexBucket& in = futex_bucket_of(*from);
      FutexBucket& locks = futex_bucket_of(*to);
      const TwoBuckets guard(in, locks);
      const auto value = load_user<u32>(words.from);
      if (value && *value != expected) return negative(Errno::kAGAIN);
      is_readable = value.has_value();
      if (is_readable && word) step = requeue.run(in, locks);
    }
    if (step == PiStep::kDone) return requeue.result;
    if (step == PiStep::kFault) {
      const auto there = is_readable ? fault_in_word(words.to, WordAccess::kWrite)
                                     : fault_in_word(words.from, WordAccess::kRead);
      if (!there) return negative(there.error());
    }
    arch::Cpu::relax();
  }
}

i64 futex_wait_requeue_pi(const FutexPair& words, u32 expected, Instant until) {
  if (words.from == words.to) return negative(Errno::kINVAL);
  const auto to = futex_key(words.to, words.scope);
  if (!to) return negative(to.error());
  FutexWaiter self;
  self.lock_key = &*to;
  if (const auto queued = futex_enqueue(self, words.from, words.scope, expected); !queued)
    return negative(queued.error());
  const WaitResult end = futex_sleep({&self, 1}, until);
  if (futex_dequeue(self)) return end == WaitResult::kTimedOut ? negative(Errno::kTIMEDOUT) : kRestartNoIntr;
  if (self.lock == FutexWaiter::Lock::kTaken) return 0;
  const i64 locked = futex_lock_pi(words.to, words.scope, until);
  // It cannot wait anew: it was woken.
  return locked == kRestartNoIntr ? negative(Errno::kAGAIN) : locked;
}

} // namespace runnel::user
