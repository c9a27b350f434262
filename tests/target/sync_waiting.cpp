// SPDX-License-Identifier: Apache-2.0
// Wait queues and completions: nobody sleeps through what it waits for.
#include "kernel/sync/completion.hpp"
#include "kernel/sync/wait_queue.hpp"
#include "kernel/time/clock.hpp"
#include "tests/target/threads.hpp"

namespace runnel {
namespace {

RUNNEL_TEST(sync, completion_before_and_after_wait, .limit = 2_s)
{
  Completion done;
  done.complete();
  done.wait(); // consumed without blocking
  CHECK(!done.try_wait());
  test::run_threads(2, [&](u32 i) {
    if (i == 0)
      done.wait();
    else
      done.complete();
  });
  CHECK(!done.try_wait());
}

RUNNEL_TEST(sync, completion_wait_for_times_out, .limit = 2_s)
{
  Completion done;
  const Instant start = time::now();
  CHECK(!done.wait_for(3_ms));
  const Duration took = time::now() - start;
  CHECK(took.ns >= (3_ms).ns);
  done.complete();
  CHECK(done.wait_for(3_ms));
}

RUNNEL_TEST(sync, complete_all_lets_everyone_through, .limit = 2_s)
{
  Completion gate;
  std::atomic<u32> through{0};
  auto body = [&](u32) {
    gate.wait();
    through.fetch_add(1);
  };
  {
    test::Threads threads(8, body);
    sleep_for(2_ms);
    CHECK(through.load() == 0u);
    gate.complete_all();
  }
  CHECK(through.load() == 8u);
  gate.wait(); // stays open
}

RUNNEL_TEST(sync, wait_until_gives_up_or_sees_the_condition, .limit = 2_s)
{
  WaitQueue queue;
  std::atomic<bool> ready{false};
  CHECK(!queue.wait_until([&] { return ready.load(); }, time::now() + 2_ms));
  bool met = false;
  auto body = [&](u32) { met = queue.wait_until([&] { return ready.load(); }, time::now() + 1_s); };
  {
    test::Threads threads(1, body);
    sleep_for(1_ms);
    ready.store(true);
    queue.wake_one();
  }
  CHECK(met);
}

/// C01 in small: every token is taken exactly once and no waiter sleeps while one is there.
void token_storm(u32 producers, u32 consumers, u32 tokens_each) {
  WaitQueue queue;
  std::atomic<i32> tokens{0};
  std::atomic<u32> taken{0};
  const u32 total = producers * tokens_each;
  test::run_threads(producers + consumers, [&](u32 i) {
    if (i < producers) {
      for (u32 n = 0; n < tokens_each; ++n) {
        tokens.fetch_add(1);
        queue.wake_one();
        if (n % 7 == 0) yield();
      }
      return;
    }
    for (u32 n = 0; n < total / consumers; ++n) {
      queue.wait([&] {
        i32 seen = tokens.load();
        while (seen > 0)
          if (tokens.compare_exchange_weak(seen, seen - 1)) return true;
        return false;
      });
      taken.fetch_add(1);
    }
  });
  CHECK(taken.load() == total);
  CHECK(tokens.load() == 0);
}

// C01
RUNNEL_TEST(sync, no_lost_wakeup_one_cpu, .limit = 5_s)
{
  token_storm(2, 4, 200);
}
// C01
RUNNEL_TEST(sync, no_lost_wakeup_storm, .cpus = 4, .limit = 10_s)
{
  token_storm(4, 8, 150); // more only waits for the host to run the virtual CPU whose turn the lock is
}

} // namespace
} // namespace runnel
