// SPDX-License-Identifier: Apache-2.0
#include "kernel/mm/kmalloc.hpp"
#include "kernel/sync/completion.hpp"
#include "kernel/time/clock.hpp"
#include "kernel/time/sleep.hpp"
#include "kernel/time/timer.hpp"
#include "tests/target/threads.hpp"

namespace runnel {
namespace {

struct Recorder : time::Timer {
  Recorder() : Timer([](Timer& t) { static_cast<Recorder&>(t).fire(); }) {}
  void fire() {
    fired_at = time::now();
    interrupts_were_on = arch::Cpu::irqs_enabled();
    order = log != nullptr ? (*log)++ : 0;
    done.complete();
  }
  Instant fired_at;
  bool interrupts_were_on = true;
  u32* log = nullptr;
  u32 order = 0;
  Completion done;
};

RUNNEL_TEST(time, timer_fires_once_and_never_early, .limit = 2_s)
{
  Recorder timer;
  const Instant due = time::now() + 2_ms;
  time::timer_start(timer, due);
  timer.done.wait();
  CHECK(!timer.fired_at.is_before(due));
  CHECK(!timer.interrupts_were_on);
  CHECK(!time::timer_cancel_sync(timer));
  sleep_for(3_ms);
  CHECK(!timer.done.try_wait());
}

RUNNEL_TEST(time, timers_fire_in_order_of_expiry_then_of_start, .limit = 2_s)
{
  constexpr u32 kDelaysUs[] = {900, 300, 700, 300, 500, 100, 900, 1100};
  constexpr u32 kOrder[] = {5, 1, 4, 2, 3, 0, 6, 7}; // expected place of each
  u32 log = 0;
  Recorder timers[8];
  {
    const PreemptGuard pinned; // all on one CPU's queue
    const Instant base = time::now() + 2_ms;
    for (u32 i = 0; i < 8; ++i) {
      timers[i].log = &log;
      time::timer_start(timers[i], base + Duration{kDelaysUs[i] * 1000});
    }
  }
  for (Recorder& timer : timers) timer.done.wait();
  for (Recorder& timer : timers) time::timer_cancel_sync(timer);
  for (u32 i = 0; i < 8; ++i) CHECK(timers[i].order == kOrder[i]);
}

RUNNEL_TEST(time, cancelled_timer_does_not_fire, .limit = 2_s, .time = test::GuestTime::kExact)
{
  Recorder timer;
  time::timer_start(timer, time::now() + 5_ms);
  CHECK(time::timer_cancel(timer));
  CHECK(!time::timer_cancel(timer));
  sleep_for(7_ms);
  CHECK(!timer.done.try_wait());
}

RUNNEL_TEST(time, timer_past_due_fires_at_once, .limit = 1_s)
{
  Recorder timer;
  time::timer_start(timer, Instant{1});
  CHECK(timer.done.wait_for(50_ms));
  time::timer_cancel_sync(timer);
}

RUNNEL_TEST(time, thousand_timers_random_order, .limit = 5_s)
{
  struct Counting : time::Timer {
    Counting()
        : Timer([](Timer& t) {
            auto& self = static_cast<Counting&>(t);
            if (time::now().is_before(t.expires) || self.expires.is_before(*self.last)) ++*self.wrong;
            *self.last = self.expires;
            ++*self.count;
          }) {}
    u32* count = nullptr;
    u32* wrong = nullptr;
    Instant* last = nullptr;
  };
  constexpr u32 kTimers = 1000;
  u32 count = 0;
  u32 wrong = 0;
  u32 cancelled = 0;
  Instant last;
  auto* timers = static_cast<Counting*>(kmalloc(sizeof(Counting) * kTimers));
  REQUIRE(timers != nullptr);
  u64 random = 88172645463325252;
  REQUIRE(set_affinity(current_task(), CpuMask::of(CpuId{0})).has_value());
  {
    const IrqGuard
        none_fires_yet; // else one that is started late, for a time that is past, would look out of order
    const Instant base = time::now() + 1_ms;
    for (u32 i = 0; i < kTimers; ++i) {
      new (&timers[i]) Counting;
      timers[i].count = &count;
      timers[i].wrong = &wrong;
      timers[i].last = &last;
      random ^= random << 13, random ^= random >> 7, random ^= random << 17;
      time::timer_start(timers[i], base + Duration{static_cast<i64>(random % 20'000'000)});
    }
    for (u32 i = 0; i < kTimers; i += 3) cancelled += time::timer_cancel(timers[i]) ? 1 : 0;
  }
  sleep_for(25_ms);
  for (u32 i = 0; i < kTimers; ++i) time::timer_cancel_sync(timers[i]);
  CHECK(wrong == 0u);
  CHECK(count + cancelled == kTimers);
  CHECK(cancelled > 0u);
  kfree(timers);
}

RUNNEL_TEST(time, sleep_is_never_short, .limit = 3_s)
{
  for (const Duration d : {1_us, 50_us, 1_ms, 4_ms, 11_ms}) {
    const Instant start = time::now();
    sleep_for(d);
    CHECK((time::now() - start).ns >= d.ns);
  }
}

RUNNEL_TEST(time, sleepers_on_all_cpus, .cpus = 2, .limit = 5_s)
{
  std::atomic<u32> early{0};
  test::run_on_each_cpu([&](u32 cpu) {
    for (u32 i = 0; i < 20; ++i) {
      const Instant until =
          time::now() + Duration{50'000 + static_cast<i64>((cpu * 7919 + i * 104729) % 400'000)};
      sleep_until(until);
      if (time::now().is_before(until)) early.fetch_add(1);
    }
  });
  CHECK(early.load() == 0u);
}

} // namespace
} // namespace runnel
