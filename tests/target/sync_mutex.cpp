// SPDX-License-Identifier: Apache-2.0
#include "kernel/sync/mutex.hpp"
#include "kernel/time/sleep.hpp"
#include "tests/target/threads.hpp"

namespace runnel {
namespace {

RUNNEL_TEST(sync, mutex_excludes_sleepers, .limit = 5_s)
{
  Mutex mutex;
  u32 inside = 0;
  u32 most_inside = 0;
  u32 rounds = 0;
  test::run_threads(6, [&](u32 i) {
    for (u32 n = 0; n < 10; ++n) {
      const MutexGuard guard(mutex);
      ++inside;
      most_inside = inside > most_inside ? inside : most_inside;
      if ((n + i) % 3 == 0)
        sleep_for(200_us);
      else
        yield();
      --inside;
      ++rounds;
    }
  });
  CHECK(most_inside == 1u);
  CHECK(rounds == 60u);
  CHECK(!mutex.is_locked());
}

RUNNEL_TEST(sync, mutex_is_handed_over_in_order, .limit = 3_s)
{
  Mutex mutex;
  u32 order[4] = {};
  u32 next = 0;
  std::atomic<u32> turn{0};
  mutex.lock();
  auto body = [&](u32 i) {
    while (turn.load() != i + 1) yield();
    mutex.lock();
    order[next++] = i;
    mutex.unlock();
  };
  {
    test::Threads threads(4, body);
    for (u32 i = 0; i < 4; ++i) {
      turn.store(i + 1);
      // A waiter is in the queue before it stops being runnable: only then may the next one arrive.
      while (threads[i].state.load() != sched::kUninterruptible) yield();
    }
    CHECK(next == 0u);
    mutex.unlock();
  }
  for (u32 i = 0; i < 4; ++i) CHECK(order[i] == i);
}

RUNNEL_TEST(sync, mutex_try_lock)
{
  Mutex mutex;
  bool other = true;
  if (mutex.try_lock()) {
    CHECK(mutex.owner() == &sched::current());
    test::run_threads(1, [&](u32) {
      if (mutex.try_lock())
        mutex.unlock();
      else
        other = false;
    });
    mutex.unlock();
  }
  CHECK(!other);
  CHECK(mutex.owner() == nullptr);
}

} // namespace
} // namespace runnel
