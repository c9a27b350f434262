// SPDX-License-Identifier: Apache-2.0
// Threads: life, preemption, sharing, waking (catalogue numbers of spec sched_core where one fits).
#include "kernel/mm/usage.hpp"
#include "kernel/time/clock.hpp"
#include "kernel/time/sleep.hpp"
#include "tests/target/threads.hpp"

#include <sched/rq.hpp>
#include <string_view>

namespace runnel {
namespace {

RUNNEL_TEST(task, join_returns_the_exit_code)
{
  const Result<Task*> task = kthread_run("seven", [](void*) { kthread_exit(7); }, nullptr);
  REQUIRE(task.has_value());
  CHECK(std::string_view((*task)->comm) == "seven");
  CHECK(kthread_join(*task) == 7);
}

RUNNEL_TEST(task, name_is_cut_at_15_characters)
{
  const Result<Task*> task = kthread_run("0123456789abcdefgh", [](void*) {}, nullptr);
  REQUIRE(task.has_value());
  CHECK(std::string_view((*task)->comm) == "0123456789abcde");
  CHECK(kthread_join(*task) == 0);
}

RUNNEL_TEST(task, join_for_gives_up_in_time, .limit = 2_s)
{
  Completion gate;
  const Result<Task*> task =
      kthread_run("waits", [](void* g) { static_cast<Completion*>(g)->wait(); }, &gate);
  REQUIRE(task.has_value());
  const Result<i32> early = kthread_join_for(*task, 2_ms);
  CHECK(!early.has_value());
  CHECK(early.error() == Errno::kTIMEDOUT);
  gate.complete();
  CHECK(kthread_join(*task) == 0);
}

RUNNEL_TEST(task, no_cpu_to_run_on_is_refused)
{
  const Result<Task*> task = kthread_create("nowhere", [](void*) {}, nullptr, {.cpus = CpuMask{}});
  CHECK(!task.has_value());
  CHECK(task.error() == Errno::kINVAL);
  CHECK(set_affinity(current_task(), CpuMask{}).error() == Errno::kINVAL);
}

// C29
RUNNEL_TEST(task, creation_storm_leaves_nothing_behind, .limit = 10_s)
{
  const u32 before = nr_tasks();
  for (u32 round = 0; round < 10; ++round)
    test::run_threads(16, [](u32 i) { i % 2 == 0 ? yield() : sleep_for(20_us); });
  sync::rcu_barrier();
  CHECK(nr_tasks() == before);
}

// Who finds a thread in the list may keep it, unless it is on its way out already: the last reference goes a
// moment before the thread leaves the list.
RUNNEL_TEST(task, found_threads_are_kept_or_gone, .cpus = 2, .limit = 10_s)
{
  const u32 before = nr_tasks();
  std::atomic<bool> done{false};
  test::run_threads(2, [&](u32 i) {
    if (i == 0) {
      for (u32 round = 0; round < 300; ++round) test::run_threads(2, [](u32) {});
      done.store(true);
      return;
    }
    while (!done.load()) {
      Task* kept[64];
      u32 nr = 0;
      for_each_task([&](Task& task) {
        if (nr < 64 && try_get_task(task)) kept[nr++] = &task;
      });
      yield();
      while (nr > 0) put_task(*kept[--nr]);
      arch::Cpu::relax();
    }
  });
  sync::rcu_barrier();
  CHECK(nr_tasks() == before);
}

// Classes that dropped the lock to push a task put it with the lock held again, when it may have ended.
RUNNEL_TEST(task, the_last_reference_may_go_under_a_runqueues_lock, .limit = 2_s)
{
  const u32 before = nr_tasks();
  const Result<Task*> task = kthread_run("short", [](void*) {}, nullptr);
  REQUIRE(task.has_value());
  get_task(**task);
  CHECK(kthread_join(*task) == 0);
  while ((*task)->refs.load() != 1) sleep_for(100_us); // its own goes when it has left the CPU
  {
    const sched::RqLock locked(sched::cpu_rq(CpuId{0}));
    put_task(**task);
  }
  CHECK(nr_tasks() == before);
  sync::rcu_barrier();
}

RUNNEL_TEST(sched, timer_preempts_a_thread_that_never_yields, .limit = 5_s)
{
  std::atomic<bool> second_ran{false};
  std::atomic<bool> gave_up{false};
  auto body = [&](u32 i) {
    if (i == 1) return second_ran.store(true);
    const Instant limit = time::now() + 2_s;
    while (!second_ran.load() && !gave_up.load()) {
      gave_up.store(time::now().is_after(limit));
      test::burn();
    }
  };
  {
    test::Threads threads(2, body, [](u32) { return CpuMask::of(CpuId{0}); });
  }
  CHECK(second_ran.load());
  CHECK(!gave_up.load());
}

RUNNEL_TEST(sched, equal_hogs_share_one_cpu_equally, .limit = 10_s, .time = test::GuestTime::kExact)
{
  constexpr u32 kHogs = 3;
  std::atomic<bool> stop{false};
  auto body = [&](u32) {
    while (!stop.load(std::memory_order_relaxed)) test::burn();
  };
  Duration ran[kHogs];
  u64 preempted = 0;
  {
    test::Threads threads(kHogs, body, [](u32) { return CpuMask::of(CpuId{0}); });
    sleep_for(180_ms); // five slices each
    for (u32 i = 0; i < kHogs; ++i) {
      ran[i] = sched::task_runtime(threads[i]);
      preempted += threads[i].stats.nivcsw;
    }
    stop.store(true);
  }
  const i64 all = ran[0].ns + ran[1].ns + ran[2].ns;
  for (const Duration d : ran) {
    CHECK(d.ns > all / 3 - (20_ms).ns); // a third, give or take a slice and the tick that ends it
    CHECK(d.ns < all / 3 + (20_ms).ns);
  }
  CHECK(preempted > 0u);
}

RUNNEL_TEST(sched, runtime_is_what_was_run, .limit = 5_s, .time = test::GuestTime::kExact)
{
  const Duration before = sched::task_runtime(current_task());
  sleep_for(20_ms);
  const Duration asleep = sched::task_runtime(current_task()) - before;
  CHECK(asleep.ns < (10_ms).ns);
  const Instant start = time::now();
  time::delay(5_ms);
  const Duration busy = sched::task_runtime(current_task()) - before - asleep;
  CHECK(busy.ns <= (time::now() - start).ns + 1'000'000);
  CHECK(busy.ns >= (4_ms).ns);
}

// C06
RUNNEL_TEST(sched, wake_between_state_and_schedule_returns_at_once, .limit = 2_s)
{
  Task& self = current_task();
  const u64 blocked_before = self.stats.nvcsw;
  for (u32 i = 0; i < 50; ++i) {
    sched::set_current_state(sched::kUninterruptible);
    CHECK(sched::wake_up_process(self));
    sched::schedule();
    CHECK(self.state.load() == sched::kRunning);
  }
  CHECK(self.stats.nvcsw == blocked_before);
  CHECK(!sched::wake_up_process(self)); // nothing to wake
}

// C09
RUNNEL_TEST(sched, remote_wakeup_needs_no_tick, .cpus = 2, .limit = 5_s, .time = test::GuestTime::kExact)
{
  REQUIRE(set_affinity(current_task(), CpuMask::of(CpuId{0})).has_value());
  Completion go;
  Completion done;
  Duration worst;
  constexpr u32 kRounds = 40;
  auto body = [&](u32) {
    for (u32 i = 0; i < kRounds; ++i) {
      go.wait();
      const Duration late = time::now() - current_task().stats.last_wakeup;
      if (late > worst) worst = late;
      done.complete();
    }
  };
  {
    test::Threads threads(1, body, [](u32) { return CpuMask::of(CpuId{1}); });
    for (u32 i = 0; i < kRounds; ++i) {
      sleep_for(1_ms); // CPU 1 goes idle, its tick is off
      go.complete();
      done.wait();
    }
  }
  // Counted from when the idle CPU took the wake-up from its list: a tick would be 4 ms, the switch is
  // microseconds.
  CHECK(worst.ns < (200_us).ns);
}

RUNNEL_TEST(sched, idle_cpus_take_waiting_work, .cpus = 2, .limit = 5_s)
{
  std::atomic<u64> used{0};
  test::run_threads(online_cpus().count(), [&](u32) {
    const Instant end = time::now() + 30_ms;
    while (time::now().is_before(end)) {
      used.fetch_or(u64{1} << arch::Cpu::this_cpu().value, std::memory_order_relaxed);
      test::burn();
    }
  });
  CHECK(CpuMask::from_bits(used.load()).count() >= 2u);
}

// C03
RUNNEL_TEST(sched, one_thread_is_never_on_two_cpus, .cpus = 2, .limit = 10_s)
{
  constexpr u32 kThreads = 8;
  std::atomic<u32> inside[kThreads] = {};
  std::atomic<u32> broken{0};
  test::run_threads(kThreads, [&](u32 i) {
    for (u32 n = 0; n < 60; ++n) {
      if (inside[i].fetch_add(1) != 0) broken.fetch_add(1);
      arch::Cpu::relax();
      inside[i].fetch_sub(1);
      if (n % 5 == 0)
        sleep_for(Duration{static_cast<i64>(10'000 + 1000 * i)});
      else
        yield();
    }
  });
  CHECK(broken.load() == 0u);
}

} // namespace
} // namespace runnel
