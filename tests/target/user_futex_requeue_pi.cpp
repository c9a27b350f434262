// SPDX-License-Identifier: Apache-2.0
// Condition variables of locks with priority inheritance: FUTEX_WAIT_REQUEUE_PI and FUTEX_CMP_REQUEUE_PI,
// used as a C library would.
#include "tests/target/futex_words.hpp"

namespace runnel::user {
namespace {

constexpr i64 kInvalid = -22, kAgain = -11, kTimedOut = -110, kDeadlock = -35;

i64 lock_pi(u64 at) { return sys_futex(at, kFutexLockPi2 | kFutexPrivate, 0, 0, 0, 0); }
i64 unlock_pi(u64 at) { return sys_futex(at, kFutexUnlockPi | kFutexPrivate, 0, 0, 0, 0); }
i64 wait_requeue(u64 at, u32 value, u64 lock, u64 until_at = 0) {
  return sys_futex(at, kFutexWaitRequeuePi | kFutexPrivate, value, until_at, lock, 0);
}
i64 requeue_pi(u64 at, u32 value, u64 lock, u32 nr_move, u32 nr_wake = 1) {
  return sys_futex(at, kFutexCmpRequeuePi | kFutexPrivate, nr_wake, nr_move, lock, value);
}

RUNNEL_TEST(user_futex, requeue_pi_refuses_as_linux_does, .limit = 5_s)
{
  Space space;
  const u64 at = space.map(kPageSize);
  const u64 lock = at + 4, until_at = at + 64, nowhere = at + kPageSize;
  LivesIn here(*space);
  CHECK(wait_requeue(at, 0, at) == kInvalid);
  CHECK(wait_requeue(at, 0, lock + 1) == kInvalid);
  CHECK(wait_requeue(nowhere, 0, lock) == -14);
  CHECK(wait_requeue(at, 1, lock) == kAgain);
  set_time(until_at, time::now().ns + 1'000'000);
  CHECK(wait_requeue(at, 0, lock, until_at) == kTimedOut);
  CHECK(requeue_pi(at, 0, at, 1) == kInvalid);
  CHECK(requeue_pi(at, 0, lock, 1, 0) == kInvalid);
  CHECK(requeue_pi(at, 0, lock, 1, 2) == kInvalid);
  CHECK(requeue_pi(at, 0, lock, ~u32{0}) == kInvalid);
  CHECK(requeue_pi(at, 1, lock, 1) == kAgain);
  CHECK(requeue_pi(at, 1, nowhere, 1) == kAgain);
  CHECK(requeue_pi(at, 0, nowhere, 1) == -14);
  CHECK(requeue_pi(at, 0, lock, 1) == 0); // nobody waits
  CHECK(word(lock) == 0u);
}

// Who waits by the one call cannot be woken by the others, nor moved to another lock.
RUNNEL_TEST(user_futex, requeue_pi_wants_its_own_waiters, .limit = 5_s)
{
  Space space;
  const u64 at = space.map(kPageSize);
  const u64 lock = at + 4;
  LivesIn here(*space);
  auto body = [&](u32 i) {
    LivesIn there(*space);
    if (i == 0) return CHECK(sys_futex(at + 8, kPrivateWait, 0, 0, 0, 0) == 0);
    CHECK(wait_requeue(at, 0, lock) == 0);
    CHECK(word(lock) == current_task().pid);
    CHECK(unlock_pi(lock) == 0);
  };
  Threads waiters(2, body);
  wait_until_asleep(waiters[0]);
  wait_until_asleep(waiters[1]);
  CHECK(wake(at, 1) == kInvalid);
  CHECK(sys_futex(at, kFutexRequeue | kFutexPrivate, 0, 1, lock, 0) == kInvalid);
  CHECK(requeue_pi(at, 0, at + 12, 1) == kInvalid);
  CHECK(requeue_pi(at + 8, 0, lock, 1) == kInvalid);
  CHECK(word(lock) == 0u);
  CHECK(requeue_pi(at, 0, lock, 0) == 1);
  CHECK(wake(at + 8, 1) == 1);
  waiters.join();
  CHECK(word(lock) == 0u);
}

// Signalled while the lock is owned: who waits gets it by priority, the owner runs with theirs, and time goes
// on.
RUNNEL_TEST(user_futex, requeue_pi_lends_priority, .limit = 5_s, .time = test::GuestTime::kExact)
{
  constexpr u32 kWaiters = 4;
  constexpr u32 kPriorities[kWaiters] = {10, 30, 0, 20};
  constexpr u32 kExpected[kWaiters] = {1, 3, 0, 2};
  Space space;
  const u64 at = space.map(kPageSize);
  const u64 lock = at + 4, until_at = at + 64;
  std::atomic<u32> order[kWaiters] = {};
  std::atomic<u32> got{0};
  LivesIn here(*space);
  Task& self = current_task();
  const i32 normal = self.prio;
  auto body = [&](u32 i) {
    LivesIn there(*space);
    if (i == kWaiters) { // gives up when it has been moved
      set_time(until_at, time::now().ns + 5'000'000);
      return CHECK(wait_requeue(at, 7, lock, until_at) == kTimedOut);
    }
    if (kPriorities[i] != 0) test::set_fifo(current_task(), kPriorities[i]);
    CHECK(wait_requeue(at, 7, lock) == 0);
    CHECK((word(lock) & kFutexTidMask) == current_task().pid);
    order[got.fetch_add(1)].store(i);
    CHECK(unlock_pi(lock) == 0);
  };
  set_word(at, 7);
  CHECK(lock_pi(lock) == 0);
  {
    Threads waiters(kWaiters + 1, body);
    for (u32 i = 0; i <= kWaiters; ++i) wait_until_asleep(waiters[i]);
    CHECK(requeue_pi(at, 7, lock, 1) == 2);
    CHECK((word(lock) & kFutexWaiters) != 0);
    while (self.prio != sched::rt_to_prio(30)) yield();
    CHECK(requeue_pi(at, 7, lock, 100) == 3);
    CHECK(requeue_pi(at, 7, lock, 100) == 0);
    sleep_for(10_ms); // the one with the time is gone, the others sleep in the lock
    CHECK(got.load() == 0u);
    CHECK(unlock_pi(lock) == 0);
    CHECK(self.prio == normal);
  }
  for (u32 i = 0; i < kWaiters; ++i) CHECK(order[i].load() == kExpected[i]);
  CHECK(word(lock) == 0u);
  CHECK(self.futex_pi_states.load() == 0u);
}

RUNNEL_TEST(user_futex, requeue_pi_finds_an_owner_that_waits, .limit = 5_s)
{
  Space space;
  const u64 at = space.map(kPageSize);
  const u64 lock = at + 4;
  LivesIn here(*space);
  auto body = [&](u32) {
    LivesIn there(*space);
    CHECK(lock_pi(lock) == 0);
    CHECK(wait_requeue(at, 0, lock) == 0);
    CHECK(unlock_pi(lock) == 0);
  };
  Threads waiter(1, body);
  wait_until_asleep(waiter[0]);
  CHECK(requeue_pi(at, 0, lock, 1) == kDeadlock);
  set_word(lock, kFutexTidMask); // no such thread
  CHECK(requeue_pi(at, 0, lock, 1) == -3);
  CHECK(word(lock) == kFutexTidMask);
  set_word(lock, kFutexOwnerDied);
  CHECK(requeue_pi(at, 0, lock, 0) == 1);
  waiter.join();
  CHECK(word(lock) == 0u);
}

// Producers and consumers of a counter with a condition variable of this kind.
RUNNEL_TEST(user_futex, requeue_pi_under_load, .limit = 30_s)
{
  constexpr u32 kRounds = 40;
  Space space;
  const u64 at = space.map(kPageSize); // the condition's sequence
  const u64 lock = at + 64, items = at + 128;
  const u32 pairs = online_cpus().count() + 1;
  std::atomic<u32> wrong{0}, eaten{0};
  const auto acquire = [&] {
    if (*compare_exchange_user<u32>(lock, 0, current_task().pid) != 0 && lock_pi(lock) != 0)
      wrong.fetch_add(1);
  };
  const auto release = [&] {
    const u32 tid = current_task().pid;
    if (*compare_exchange_user<u32>(lock, tid, 0) != tid && unlock_pi(lock) != 0) wrong.fetch_add(1);
  };
  test::run_threads(2 * pairs, [&](u32 i) {
    LivesIn here(*space);
    if (i % 5 == 1) test::set_fifo(current_task(), 1 + i % 50);
    for (u32 n = 0; n < kRounds; ++n) {
      acquire();
      if (i % 2 == 0) {
        set_word(items, word(items) + 1);
        const u32 sequence = word(at) + 1;
        set_word(at, sequence);
        // One is moved, or all, as by signal and broadcast.
        const i64 moved = requeue_pi(at, sequence, lock, n % 2 == 0 ? 0 : 1000);
        if (moved < 0) wrong.fetch_add(1);
        release();
        if (n % 8 == 0) yield();
        continue;
      }
      while (word(items) == 0) {
        const u32 sequence = word(at);
        release();
        const i64 waited = wait_requeue(at, sequence, lock);
        if (waited == kAgain)
          acquire();
        else if (waited != 0)
          wrong.fetch_add(1);
        if ((word(lock) & kFutexTidMask) != current_task().pid) wrong.fetch_add(1);
      }
      set_word(items, word(items) - 1);
      eaten.fetch_add(1);
      release();
    }
    if (current_task().futex_pi_states.load() != 0) wrong.fetch_add(100);
  });
  CHECK(wrong.load() == 0u);
  CHECK(eaten.load() == pairs * kRounds);
  LivesIn here(*space);
  CHECK(word(lock) == 0u);
}

} // namespace
} // namespace runnel::user
