// SPDX-License-Identifier: Apache-2.0
// Futexes as threads that share an address space see them: the calls themselves, made by threads of the
// kernel (spec linux_abi 6).
#include "tests/target/futex_words.hpp"

namespace runnel::user {
namespace {

RUNNEL_TEST(user_futex, errors_of_bad_arguments)
{
  Space space;
  const u64 at = space.map(kPageSize);
  LivesIn here(*space);
  set_word(at, 5);
  CHECK(sys_futex(at, kPrivateWait, 4, 0, 0, 0) == -11); // EAGAIN
  CHECK(sys_futex(at + 2, kPrivateWait, 5, 0, 0, 0) == -22);
  CHECK(sys_futex(at + 2, kPrivateWake, 1, 0, 0, 0) == -22);
  CHECK(sys_futex(at + kPageSize, kPrivateWait, 0, 0, 0, 0) == -14);
  CHECK(sys_futex(at + kPageSize, kFutexWake, 1, 0, 0, 0) == -14); // shared: nothing is mapped
  CHECK(sys_futex(at + kPageSize, kPrivateWake, 1, 0, 0, 0) == 0); // private: nobody waits
  CHECK(sys_futex(arch::kUserEnd, kPrivateWake, 1, 0, 0, 0) == -14);
  CHECK(sys_futex(at, kFutexWaitBitset | kFutexPrivate, 5, 0, 0, 0) == -22);
  CHECK(sys_futex(at, kFutexWakeBitset | kFutexPrivate, 1, 0, 0, 0) == -22);
  CHECK(sys_futex(at, kFutexWait | kFutexClockRealtime, 5, 0, 0, 0) == -38);
  CHECK(sys_futex(at, 0x106, 0, 0, 0, 0) == -38);
  CHECK(sys_futex(at, 2, 0, 0, 0, 0) == -38); // FD
  CHECK(sys_futex(at, 99, 0, 0, 0, 0) == -38);
  CHECK(sys_futex(at, kFutexRequeue, ~0u, 1, at + 4, 0) == -22);
  CHECK(sys_futex(at, kFutexCmpRequeue, 1, 1, at + 4, 4) == -11);
  CHECK(sys_futex(at, kFutexWakeOp, 1, 1, at + 4, 7u << 28) == -38);
  CHECK(sys_futex(at, kFutexWakeOp, 1, 1, at + 4, 6u << 24) == -38);
  const u64 time = at + 64;
  CHECK(write_user(time, Timespec{0, 1'000'000'000}).has_value());
  CHECK(sys_futex(at, kPrivateWait, 5, time, 0, 0) == -22);
  CHECK(write_user(time, Timespec{-1, 0}).has_value());
  CHECK(sys_futex(at, kPrivateWait, 5, time, 0, 0) == -22);
  CHECK(sys_futex(at, kPrivateWait, 5, at + kPageSize, 0, 0) == -14);
}

RUNNEL_TEST(user_futex, timeouts_are_relative_or_absolute)
{
  Space space;
  const u64 at = space.map(kPageSize);
  LivesIn here(*space);
  const u64 time_at = at + 64;
  constexpr u64 kShort = 2'000'000;
  u64 before = time::now().ns;
  set_time(time_at, kShort);
  CHECK(sys_futex(at, kPrivateWait, 0, time_at, 0, 0) == -110);
  CHECK(time::now().ns >= before + kShort);
  before = time::now().ns;
  set_time(time_at, before + kShort);
  CHECK(sys_futex(at, kFutexWaitBitset | kFutexPrivate, 0, time_at, 0, 1) == -110);
  CHECK(time::now().ns >= before + kShort);
  before = time::now().ns;
  set_time(time_at, kRealtimeAtBoot + before + kShort);
  CHECK(sys_futex(at, kFutexWaitBitset | kFutexClockRealtime, 0, time_at, 0, 1) == -110);
  CHECK(time::now().ns >= before + kShort);
  // Long past.
  set_time(time_at, 1);
  CHECK(sys_futex(at, kFutexWaitBitset | kFutexClockRealtime, 0, time_at, 0, 1) == -110);
  CHECK(wake(at, 1) == 0); // nobody was left behind
}

RUNNEL_TEST(user_futex, a_waiter_is_woken_by_the_same_word_only)
{
  Space space, other;
  const u64 at = space.map(kPageSize);
  other.map(kPageSize, kPROT_READ | kPROT_WRITE, kMAP_PRIVATE, at);
  std::atomic<u32> back{0};
  auto body = [&](u32) {
    LivesIn here(*space);
    CHECK(sys_futex(at, kPrivateWait, 0, 0, 0, 0) == 0);
    back.fetch_add(1);
  };
  Threads waiter(1, body);
  wait_until_asleep(waiter[0]);
  {
    LivesIn here(*other);
    CHECK(wake(at, 1) == 0); // another address space
  }
  LivesIn here(*space);
  CHECK(wake(at + 4, 1) == 0);
  CHECK(wake(at, 1, 0) == 0); // called shared, it is another one
  CHECK(back.load() == 0u);
  wake_when_there(at, 1);
  waiter.join();
  CHECK(back.load() == 1u);
}

RUNNEL_TEST(user_futex, shared_memory_is_one_word_at_two_addresses)
{
  Space space;
  const u64 at = space.map(kPageSize, kPROT_READ | kPROT_WRITE, kMAP_SHARED);
  const Result<Mm*> forked = space->fork();
  REQUIRE(forked.has_value());
  Space child(*forked);
  auto body = [&](u32) {
    LivesIn here(*space);
    CHECK(sys_futex(at + 8, kFutexWait, 0, 0, 0, 0) == 0);
  };
  Threads waiter(1, body);
  LivesIn here(*child);
  wake_when_there(at + 8, 1, 0);
}

// Who came first is woken first; a real-time thread before the others.
RUNNEL_TEST(user_futex, waiters_are_woken_in_order, .limit = 10_s)
{
  constexpr u32 kWaiters = 5;
  Space space;
  const u64 at = space.map(kPageSize);
  std::atomic<u32> go{0}, returned{0};
  std::atomic<u32> order[kWaiters] = {};
  auto body = [&](u32 i) {
    LivesIn here(*space);
    while (go.load() != i) yield();
    if (i == 3) test::set_fifo(current_task(), 10);
    CHECK(sys_futex(at, kPrivateWait, 0, 0, 0, 0) == 0);
    order[returned.fetch_add(1)].store(i);
  };
  Threads waiters(kWaiters, body);
  for (u32 i = 0; i < kWaiters; ++i) {
    go.store(i);
    wait_until_asleep(waiters[i]);
  }
  LivesIn here(*space);
  for (u32 i = 0; i < kWaiters; ++i) {
    CHECK(wake(at, 1) == 1);
    while (returned.load() != i + 1) yield();
  }
  constexpr u32 kExpected[kWaiters] = {3, 0, 1, 2, 4};
  for (u32 i = 0; i < kWaiters; ++i) CHECK(order[i].load() == kExpected[i]);
}

RUNNEL_TEST(user_futex, bitsets_choose_who_is_woken)
{
  Space space;
  const u64 at = space.map(kPageSize);
  std::atomic<u32> back{0};
  auto body = [&](u32 i) {
    LivesIn here(*space);
    CHECK(sys_futex(at, kFutexWaitBitset | kFutexPrivate, 0, 0, 0, u32{1} << i) == 0);
    back.fetch_or(u32{1} << i);
  };
  Threads waiters(3, body);
  for (u32 i = 0; i < 3; ++i) wait_until_asleep(waiters[i]);
  LivesIn here(*space);
  CHECK(sys_futex(at, kFutexWakeBitset | kFutexPrivate, 10, 0, 0, 8) == 0);
  CHECK(sys_futex(at, kFutexWakeBitset | kFutexPrivate, 10, 0, 0, 2) == 1);
  while (back.load() != 2) yield();
  CHECK(sys_futex(at, kFutexWakeBitset | kFutexPrivate, 10, 0, 0, 5) == 2);
  waiters.join();
}

RUNNEL_TEST(user_futex, requeued_waiters_are_woken_at_the_second_word)
{
  Space space;
  const u64 at = space.map(kPageSize);
  const u64 second = at + 256;
  std::atomic<u32> back{0};
  auto body = [&](u32) {
    LivesIn here(*space);
    CHECK(sys_futex(at, kPrivateWait, 0, 0, 0, 0) == 0);
    back.fetch_add(1);
  };
  Threads waiters(5, body);
  for (u32 i = 0; i < 5; ++i) wait_until_asleep(waiters[i]);
  LivesIn here(*space);
  // One is woken, two move, two stay.
  CHECK(sys_futex(at, kFutexCmpRequeue | kFutexPrivate, 1, 2, second, 0) == 3);
  while (back.load() != 1) yield();
  CHECK(wake(second, 10) == 2);
  // Onto itself: counted, and still there.
  CHECK(sys_futex(at, kFutexRequeue | kFutexPrivate, 0, 10, at, 0) == 2);
  CHECK(wake(at, 10) == 2);
  waiters.join();
  CHECK(back.load() == 5u);
}

// A waiter that was moved is found by its timeout, and by nobody afterwards.
// In exact time: the waiter must be seen asleep before its time is over.
RUNNEL_TEST(user_futex, a_moved_waiter_times_out, .time = test::GuestTime::kExact)
{
  Space space;
  const u64 at = space.map(kPageSize);
  auto body = [&](u32) {
    LivesIn here(*space);
    set_time(at + 64, 5'000'000);
    CHECK(sys_futex(at, kPrivateWait, 0, at + 64, 0, 0) == -110);
  };
  Threads waiter(1, body);
  wait_until_asleep(waiter[0]);
  LivesIn here(*space);
  CHECK(sys_futex(at, kFutexRequeue | kFutexPrivate, 0, 1, at + 4, 0) == 1);
  waiter.join();
  CHECK(wake(at + 4, 1) == 0);
}

RUNNEL_TEST(user_futex, wake_op_changes_the_second_word_and_wakes_by_what_it_was)
{
  Space space;
  const u64 at = space.map(2 * kPageSize);
  const u64 second = at + kPageSize; // never touched before: the operation's fault is served
  auto body = [&](u32 i) {
    LivesIn here(*space);
    CHECK(sys_futex(i == 0 ? at : second, kPrivateWait, i == 0 ? 0u : 7u, 0, 0, 0) == 0);
  };
  LivesIn here(*space);
  // second += 7, and was it > 0? No.
  CHECK(sys_futex(at, kFutexWakeOp | kFutexPrivate, 1, 1, second, 1u << 28 | 4u << 24 | 7u << 12) == 0);
  CHECK(word(second) == 7u);
  Threads waiters(2, body);
  for (u32 i = 0; i < 2; ++i) wait_until_asleep(waiters[i]);
  // second ^= 1 << 4, and was it 7? Both words have waiters.
  CHECK(sys_futex(at, kFutexWakeOp | kFutexPrivate, 1, 1, second, 12u << 28 | 4u << 12 | 7u) == 2);
  CHECK(word(second) == 23u);
  waiters.join();
}

RUNNEL_TEST(user_futex, waitv_tells_which_word)
{
  struct Wait {
    u64 value, address;
    u32 flags, reserved;
  };
  Space space;
  const u64 at = space.map(kPageSize);
  const u64 list = at + 1024;
  LivesIn here(*space);
  Wait words[3] = {{0, at, 2 | 128, 0}, {0, at + 4, 2 | 128, 0}, {0, at + 8, 2, 0}};
  CHECK(copy_to_user(list, words, sizeof words).has_value());
  CHECK(sys_futex_waitv(list, 0, 0, 0, 0) == -22);
  CHECK(sys_futex_waitv(list, 129, 0, 0, 0) == -22);
  CHECK(sys_futex_waitv(list, 3, 1, 0, 0) == -22);
  set_time(at + 64, time::now().ns + 1'000'000);
  CHECK(sys_futex_waitv(list, 3, 0, at + 64, 7) == -22);
  CHECK(sys_futex_waitv(list, 3, 0, at + 64, kClockMonotonic) == -110);
  CHECK(sys_futex_waitv(at + kPageSize, 1, 0, 0, 0) == -14);
  set_word(at + 8, 1);
  CHECK(sys_futex_waitv(list, 3, 0, 0, 0) == -11);
  CHECK(wake(at, 10) == 0); // those queued before the mismatch are gone
  set_word(at + 8, 0);
  auto body = [&](u32) {
    LivesIn there(*space);
    CHECK(sys_futex_waitv(list, 3, 0, 0, 0) == 1);
  };
  Threads waiter(1, body);
  wait_until_asleep(waiter[0]);
  CHECK(wake(at + 4, 1) == 1);
  waiter.join();
  CHECK(wake(at, 10) + wake(at + 8, 10, 0) == 0);
  words[1].flags = 1; // 16 bits
  CHECK(copy_to_user(list, words, sizeof words).has_value());
  CHECK(sys_futex_waitv(list, 3, 0, 0, 0) == -22);
}

RUNNEL_TEST(user_futex, locks_of_a_dead_thread_say_so)
{
  Space space;
  const u64 head = space.map(kPageSize);
  const u64 locks = head + 24 + 8; // the word of entry 0; one every 16 bytes
  LivesIn here(*space);
  const u32 tid = current_task().pid;
  make_robust_list(head, 3, head + 24 + 48);
  set_word(locks, tid | kFutexWaiters);
  set_word(locks + 16, tid + 1); // another thread's
  set_word(locks + 32, tid);
  set_word(locks + 48, tid); // about to be taken
  auto body = [&](u32) {
    LivesIn there(*space);
    CHECK(sys_futex(locks, kFutexWait, tid | kFutexWaiters, 0, 0, 0) == 0);
  };
  Threads waiter(1, body);
  wait_until_asleep(waiter[0]);
  Thread self;
  self.task = &current_task();
  self.robust_list = head;
  self.clear_child_tid = 0;
  futex_exit(self);
  waiter.join();
  CHECK(word(locks) == (kFutexOwnerDied | kFutexWaiters));
  CHECK(word(locks + 16) == tid + 1);
  CHECK(word(locks + 32) == kFutexOwnerDied);
  CHECK(word(locks + 48) == kFutexOwnerDied);
  CHECK(self.robust_list == 0u);
}

// Lists no program should have: the walk ends.
RUNNEL_TEST(user_futex, broken_robust_lists_end)
{
  Space space;
  const u64 head = space.map(kPageSize);
  LivesIn here(*space);
  Thread self;
  self.task = &current_task();
  make_robust_list(head, 2, 0);
  CHECK(write_user(head + 24 + 16, head + 24).has_value()); // a circle that the head is not in
  self.robust_list = head;
  futex_exit(self);
  self.robust_list = head + kPageSize - 8; // runs into nothing
  futex_exit(self);
  make_robust_list(head, 1, 0);
  CHECK(write_user(head + 8, i64{7}).has_value()); // words that are not aligned
  self.robust_list = head;
  futex_exit(self);
  make_robust_list(head, 1, ~u64{15});
  self.robust_list = head;
  futex_exit(self);
  CHECK(self.robust_list == 0u);
}

RUNNEL_TEST(user_futex, a_threads_end_clears_its_number_and_wakes)
{
  Space space;
  const u64 at = space.map(kPageSize);
  auto body = [&](u32) {
    LivesIn here(*space);
    CHECK(sys_futex(at, kFutexWait, 77, 0, 0, 0) == 0);
    CHECK(word(at) == 0u);
  };
  LivesIn here(*space);
  set_word(at, 77);
  Thread self;
  self.task = &current_task();
  self.clear_child_tid = at;
  {
    Threads waiter(1, body);
    wait_until_asleep(waiter[0]);
    futex_exit(self);
  }
  CHECK(word(at) == 0u);
  // Alone: nobody looks, nothing is written.
  set_word(at, 78);
  self.clear_child_tid = at;
  futex_exit(self);
  CHECK(word(at) == 78u);
}

/// A mutex of a word: 0 free, 1 taken, 2 taken and perhaps waited for.
void take(u64 at) {
  auto seen = compare_exchange_user<u32>(at, 0, 1);
  if (*seen == 0) return;
  for (;;) {
    if (*seen == 2 || *compare_exchange_user<u32>(at, 1, 2) != 0) {
      const i64 slept = sys_futex(at, kPrivateWait, 2, 0, 0, 0);
      CHECK((slept == 0 || slept == -11));
    }
    seen = compare_exchange_user<u32>(at, 0, 2);
    if (*seen == 0) return;
  }
}
void give_back(u64 at) {
  u32 seen = word(at);
  while (*compare_exchange_user<u32>(at, seen, 0) != seen) seen = word(at);
  if (seen == 2) static_cast<void>(wake(at, 1));
}

// Nobody sleeps through its wake-up, while others time out at the same word or are moved away from it.
RUNNEL_TEST(user_futex, a_mutex_of_a_word_under_load, .limit = 30_s)
{
  Space space;
  const u64 at = space.map(kPageSize);
  const u64 counter = at + 128;
  const u32 workers = 2 * online_cpus().count();
  constexpr u32 kRounds = 60;
  std::atomic<u32> done{0};
  test::run_threads(workers + 2, [&](u32 i) {
    LivesIn here(*space);
    if (i < workers) {
      for (u32 n = 0; n < kRounds; ++n) {
        take(at);
        const u32 value = word(counter);
        if (n % 4 == i % 4) yield();
        set_word(counter, value + 1);
        give_back(at);
      }
      done.fetch_add(1);
      return;
    }
    while (done.load() != workers) {
      const u64 time_at = at + 256 + 16 * u64{i};
      set_time(time_at, 20'000);
      const i64 slept = sys_futex(at + 64, kPrivateWait, 0, time_at, 0, 0);
      CHECK((slept == 0 || slept == -110));
      CHECK(sys_futex(at + 64, kFutexRequeue | kFutexPrivate, i % 2, 4, at + 68, 0) >= 0);
      CHECK(wake(at + 68, 1) >= 0);
    }
  });
  LivesIn here(*space);
  CHECK(word(counter) == workers * kRounds);
  CHECK(word(at) == 0u);
}

} // namespace
} // namespace runnel::user
