// SPDX-License-Identifier: Apache-2.0
// Waking and moving waiters.
#include "kernel/user/futex/queue.hpp"
#include "kernel/user/syscall.hpp"
#include "kernel/user/uaccess.hpp"

namespace runnel::user {
namespace {

/// Wakes the most urgent waiters for `key`; kINVAL when one of them waits for a lock with priority
/// inheritance.
Result<u32> wake_some(FutexBucket& bucket, const FutexKey& key, i32 most, u32 bitset) REQUIRES(bucket.lock) {
  if (bucket.find_pi(key) != nullptr) return err(Errno::kINVAL);
  u32 woken = 0;
  for (auto at = bucket.waiters.begin(); at != bucket.waiters.end();) {
    FutexWaiter& waiter = *at;
    ++at; // before it may be taken off
    if (waiter.key != key) continue;
    if (waiter.lock_key != nullptr) return err(Errno::kINVAL);
    if ((waiter.bitset & bitset) == 0) continue;
    bucket.wake(waiter);
    if (static_cast<i32>(++woken) >= most) break;
  }
  return woken;
}

/// Does the operation; what was there before. kFAULT under a spinlock may mean "not now".
Result<u32> apply_to_user(u64 address, const FutexWakeOp& op) {
  const auto first = load_user<u32>(address);
  if (!first) return first;
  for (u32 old = *first;;) {
    const auto seen = compare_exchange_user<u32>(address, old, op.apply(old));
    if (!seen || *seen == old) return seen;
    old = *seen;
    arch::Cpu::relax();
  }
}

struct Keys {
  FutexKey from, to;
};
Result<Keys> keys_of(const FutexPair& words) {
  const auto from = futex_key(words.from, words.scope);
  if (!from) return err(from.error());
  const auto to = futex_key(words.to, words.scope);
  if (!to) return err(to.error());
  return Keys{*from, *to};
}

/// Wakes the first `nr_wake`, moves the next `nr_move` behind those who wait for `keys.to`.
Result<u32> wake_and_move(FutexBucket& from, FutexBucket& to, const Keys& keys, i32 nr_wake, i32 nr_move)
    REQUIRES(from.lock, to.lock) {
  if (from.find_pi(keys.from) != nullptr) return err(Errno::kINVAL);
  i64 done = 0;
  const i64 most = i64{nr_wake} + nr_move;
  for (auto at = from.waiters.begin(); at != from.waiters.end() && done < most;) {
    FutexWaiter& waiter = *at;
    ++at; // before it may be taken off
    if (waiter.key != keys.from) continue;
    if (waiter.lock_key != nullptr) return err(Errno::kINVAL);
    if (++done <= nr_wake) {
      from.wake(waiter);
      continue;
    }
    waiter.key = keys.to;
    if (&from == &to) continue; // it stays where it is in line
    decltype(from.waiters)::erase(waiter);
    to.insert(waiter);
  }
  return static_cast<u32>(done);
}

} // namespace

Result<u32> futex_wake(u64 address, FutexScope scope, i32 most, u32 bitset) {
  if (bitset == 0) return err(Errno::kINVAL);
  const auto key = futex_key(address, scope);
  if (!key) return err(key.error());
  FutexBucket& bucket = futex_bucket_of(*key);
  const SpinGuard guard(bucket.lock);
  return wake_some(bucket, *key, most, bitset);
}

i64 futex_requeue(const FutexPair& words, i32 nr_wake, i32 nr_move, const u32* expected) {
  if (nr_wake < 0 || nr_move < 0) return negative(Errno::kINVAL);
  for (;;) {
    const auto keys = keys_of(words);
    if (!keys) return negative(keys.error());
    {
      FutexBucket& from = futex_bucket_of(keys->from);
      FutexBucket& to = futex_bucket_of(keys->to);
      const TwoBuckets guard(from, to);
      const auto value = expected != nullptr ? load_user<u32>(words.from) : Result<u32>(0);
      if (value && expected != nullptr && *value != *expected) return negative(Errno::kAGAIN);
      if (value) return to_syscall(wake_and_move(from, to, *keys, nr_wake, nr_move));
    }
    if (const auto there = fault_in_word(words.from, WordAccess::kRead); !there)
      return negative(there.error());
  }
}

i64 futex_wake_op(const FutexPair& words, i32 nr_wake, i32 nr_wake_second, u32 encoded) {
  const FutexWakeOp op = FutexWakeOp::decode(encoded);
  for (;;) {
    const auto keys = keys_of(words);
    if (!keys) return negative(keys.error());
    if (!op.is_known_operation()) return negative(Errno::kNOSYS);
    {
      FutexBucket& first = futex_bucket_of(keys->from);
      FutexBucket& second = futex_bucket_of(keys->to);
      const TwoBuckets guard(first, second);
      if (const auto old = apply_to_user(words.to, op); old) {
        const auto also_second = op.compare(*old);
        if (!also_second) return negative(also_second.error());
        const auto woken = wake_some(first, keys->from, nr_wake, kFutexAnyBit);
        if (!woken || !*also_second) return to_syscall(woken);
        const auto more = wake_some(second, keys->to, nr_wake_second, kFutexAnyBit);
        return more ? i64{*woken} + *more : negative(more.error());
      }
    }
    if (const auto there = fault_in_word(words.to, WordAccess::kWrite); !there)
      return negative(there.error());
  }
}

} // namespace runnel::user
