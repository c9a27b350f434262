// SPDX-License-Identifier: Apache-2.0
// Futexes whose owner runs with its waiters' priority, as threads that share an address space see them (spec
// linux_abi 6).
#include "tests/target/futex_words.hpp"

namespace runnel::user {
namespace {

i64 lock_pi(u64 at, u64 until_at = 0) {
  return sys_futex(at, kFutexLockPi2 | kFutexPrivate, 0, until_at, 0, 0);
}
i64 unlock_pi(u64 at) { return sys_futex(at, kFutexUnlockPi | kFutexPrivate, 0, 0, 0, 0); }

RUNNEL_TEST(user_futex, pi_locks_without_others)
{
  Space space;
  const u64 at = space.map(kPageSize);
  LivesIn here(*space);
  const u32 tid = current_task().pid;
  CHECK(lock_pi(at) == 0);
  CHECK(word(at) == tid);
  CHECK(lock_pi(at) == -35); // EDEADLK
  CHECK(sys_futex(at, kFutexTryLockPi | kFutexPrivate, 0, 0, 0, 0) == -35);
  CHECK(unlock_pi(at) == 0);
  CHECK(word(at) == 0u);
  CHECK(unlock_pi(at) == -1); // EPERM
  CHECK(sys_futex(at, kFutexTryLockPi | kFutexPrivate, 0, 0, 0, 0) == 0);
  CHECK(word(at) == tid);
  set_word(at, kFutexTidMask); // no such thread
  CHECK(lock_pi(at) == -3);
  CHECK(word(at) == kFutexTidMask);
  set_word(at, kFutexOwnerDied | kFutexWaiters);
  CHECK(lock_pi(at) == 0);
  CHECK(word(at) == (tid | kFutexOwnerDied));
  CHECK(lock_pi(at + 2) == -22);
  CHECK(lock_pi(at + kPageSize) == -14);
}

// The owner took the lock without the kernel; who waits lends it his priority, until it is over.
RUNNEL_TEST(user_futex, a_pi_owner_runs_with_its_waiters_priority, .limit = 5_s,
            .time = test::GuestTime::kExact)
{
  Space space;
  const u64 at = space.map(kPageSize);
  LivesIn here(*space);
  Task& self = current_task();
  const i32 normal = self.prio;
  set_word(at, self.pid);
  std::atomic<u32> gives_up{1};
  auto body = [&](u32) {
    LivesIn there(*space);
    test::set_fifo(current_task(), 20);
    const u64 until_at = at + 64;
    set_time(until_at, time::now().ns + 3'000'000);
    CHECK(lock_pi(at, until_at) == -110);
    gives_up.store(0);
    CHECK(lock_pi(at) == 0);
    CHECK(word(at) == (current_task().pid | kFutexWaiters));
    CHECK(unlock_pi(at) == 0);
  };
  Threads waiter(1, body);
  wait_until_asleep(waiter[0]);
  CHECK(self.prio == sched::rt_to_prio(20));
  CHECK(word(at) == (self.pid | kFutexWaiters));
  while (gives_up.load() == 1) yield();
  wait_until_asleep(waiter[0]);
  CHECK(self.prio == sched::rt_to_prio(20));
  CHECK(wake(at, 1) == -22); // it is no plain futex
  CHECK(unlock_pi(at) == 0);
  CHECK(self.prio == normal);
  waiter.join();
  CHECK(word(at) == 0u);
  CHECK(self.futex_pi_states.load() == 0u);
}

RUNNEL_TEST(user_futex, a_pi_lock_goes_to_the_most_urgent, .limit = 5_s)
{
  constexpr u32 kWaiters = 4;
  constexpr u32 kPriorities[kWaiters] = {10, 30, 0, 20};
  constexpr u32 kExpected[kWaiters] = {1, 3, 0, 2};
  Space space;
  const u64 at = space.map(kPageSize);
  std::atomic<u32> order[kWaiters] = {};
  std::atomic<u32> got{0};
  auto body = [&](u32 i) {
    LivesIn there(*space);
    if (kPriorities[i] != 0) test::set_fifo(current_task(), kPriorities[i]);
    CHECK(lock_pi(at) == 0);
    order[got.fetch_add(1)].store(i);
    CHECK(unlock_pi(at) == 0);
  };
  LivesIn here(*space);
  CHECK(lock_pi(at) == 0);
  {
    Threads waiters(kWaiters, body);
    for (u32 i = 0; i < kWaiters; ++i) wait_until_asleep(waiters[i]);
    CHECK(unlock_pi(at) == 0);
  }
  for (u32 i = 0; i < kWaiters; ++i) CHECK(order[i].load() == kExpected[i]);
  CHECK(word(at) == 0u);
}

// Two locks taken crosswise.
RUNNEL_TEST(user_futex, pi_locks_find_a_deadlock, .limit = 5_s)
{
  Space space;
  const u64 at = space.map(kPageSize);
  const u64 second = at + 4;
  LivesIn here(*space);
  auto body = [&](u32) {
    LivesIn there(*space);
    CHECK(lock_pi(second) == 0);
    CHECK(lock_pi(at) == 0);
    CHECK(unlock_pi(at) == 0);
    CHECK(unlock_pi(second) == 0);
  };
  CHECK(lock_pi(at) == 0);
  Threads other(1, body);
  wait_until_asleep(other[0]);
  CHECK(lock_pi(second) == -35);
  CHECK(unlock_pi(at) == 0);
  other.join();
  CHECK(word(second) == 0u);
}

RUNNEL_TEST(user_futex, a_pi_lock_of_a_dead_owner_goes_on, .limit = 5_s)
{
  Space space;
  const u64 head = space.map(kPageSize);
  const u64 at = head + 24 + 8;
  LivesIn here(*space);
  make_robust_list(head, 1, 0);
  CHECK(write_user(head, (head + 24) | 1).has_value()); // with priority inheritance
  auto body = [&](u32 i) {
    LivesIn there(*space);
    if (i == 0) {
      CHECK(lock_pi(at) == 0);
      while (word(at) != (current_task().pid | kFutexWaiters)) yield();
      Thread self;
      self.task = &current_task();
      self.robust_list = head;
      futex_exit(self);
      CHECK(current_task().futex_pi_states.load() == 0u);
      return;
    }
    while (word(at) == 0) yield();
    CHECK(lock_pi(at) == 0);
    CHECK(word(at) == (current_task().pid | kFutexWaiters | kFutexOwnerDied));
    CHECK(unlock_pi(at) == 0);
  };
  test::run_threads(2, body);
  CHECK(word(at) == 0u);
}

// Locks with and without the kernel, some giving up, priorities of all kinds: it is always one thread's.
RUNNEL_TEST(user_futex, pi_locks_under_load, .limit = 30_s)
{
  Space space;
  const u64 at = space.map(kPageSize);
  const u64 counter = at + 128;
  const u32 workers = 2 * online_cpus().count() + 2;
  std::atomic<u32> expected{0};
  std::atomic<u32> wrong{0};
  test::run_threads(workers, [&](u32 i) {
    LivesIn here(*space);
    const u32 tid = current_task().pid;
    if (i % 3 == 1) test::set_fifo(current_task(), 1 + i);
    for (u32 n = 0; n < 40; ++n) {
      if (*compare_exchange_user<u32>(at, 0, tid) != 0) {
        const u64 until_at = at + 256 + u64{16} * i;
        if (i % 2 == 0) set_time(until_at, time::now().ns + 30'000);
        const i64 locked = lock_pi(at, i % 2 == 0 ? until_at : 0);
        if (locked == -110) continue;
        if (locked != 0) wrong.fetch_add(1);
      }
      if ((word(at) & kFutexTidMask) != tid) wrong.fetch_add(1);
      const u32 value = word(counter);
      if (n % 4 == i % 4) sleep_for(10_us);
      set_word(counter, value + 1);
      expected.fetch_add(1);
      if (*compare_exchange_user<u32>(at, tid, 0) != tid && unlock_pi(at) != 0) wrong.fetch_add(1);
    }
    if (current_task().futex_pi_states.load() != 0) wrong.fetch_add(100);
  });
  CHECK(wrong.load() == 0u);
  LivesIn here(*space);
  CHECK(word(counter) == expected.load());
  CHECK(word(at) == 0u);
}

} // namespace
} // namespace runnel::user
