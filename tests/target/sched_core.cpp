// SPDX-License-Identifier: Apache-2.0

// The core between the classes: clocks, the tick, preemption points, polling (spec sched_core 1).
#include "kernel/irq/irq_time.hpp"
#include "kernel/smp/idle.hpp"
#include "kernel/sync/completion.hpp"
#include "kernel/sync/guards.hpp"
#include "kernel/time/clock.hpp"
#include "kernel/time/sleep.hpp"
#include "tests/target/threads.hpp"

#include <sched/attr.hpp>
#include <sched/migrate_disable.hpp>
#include <sched/rq.hpp>
#include <sched/sched.hpp>

namespace runnel {
namespace {

struct Clocks {
  Instant clock, clock_task, real;
};

Clocks read_clocks(CpuId cpu) {
  sched::Rq& rq = sched::cpu_rq(cpu);
  const sched::RqLock guard(rq);
  sched::update_rq_clock(rq);
  return {sched::rq_clock(rq), sched::rq_clock_task(rq), time::now()};
}

// C13
RUNNEL_TEST(sched_core, clocks_go_forward_and_agree)
{
  Clocks last[kMaxCpus] = {};
  for (u32 round = 0; round < 50; ++round) {
    for (const CpuId cpu : online_cpus()) {
      const Clocks now = read_clocks(cpu);
      Clocks& before = last[cpu.value];
      CHECK((now.clock - before.clock).ns >= 0);
      CHECK((now.clock_task - before.clock_task).ns >= 0);
      CHECK((now.clock - now.clock_task).ns >= 0);
      CHECK((now.real - now.clock).ns >= 0);
      before = now;
    }
    sleep_for(100_us);
  }
}

// C13
RUNNEL_TEST(sched_core, clocks_of_different_cpus_differ_little, .cpus = 2, .time = test::GuestTime::kExact)
{
  for (u32 round = 0; round < 20; ++round)
    for (const CpuId cpu : online_cpus()) {
      const Clocks there = read_clocks(cpu);
      CHECK((there.real - there.clock).ns <= 2000);
    }
}

/// Interrupts taken by `cpu` cannot be counted from outside; its time in them can.
Duration irq_time_while(CpuId cpu, Duration length) {
  const Duration before = irq::irq_time(cpu);
  sleep_for(length);
  return irq::irq_time(cpu) - before;
}

// C24
RUNNEL_TEST(sched_core, an_idle_cpu_is_left_alone, .cpus = 2, .limit = 10_s, .time = test::GuestTime::kExact)
{
  REQUIRE(set_affinity(current_task(), CpuMask::of(CpuId{0})).has_value());
  sleep_for(20_ms); // what was going on there ends
  // What one timer interrupt costs there, from ticks while it is busy...
  std::atomic<u32> stop{0};
  auto body = [&](u32) {
    while (stop.load() == 0) test::burn();
  };
  Duration busy;
  {
    test::Threads hog(1, body, [](u32) { return CpuMask::of(CpuId{1}); });
    busy = irq_time_while({1}, 400_ms); // a hundred ticks
    stop.store(1);
  }
  sleep_for(20_ms);
  // ... and none of them when it idles: two a second, and the watchdog's.
  const Duration idle = irq_time_while({1}, 400_ms);
  CHECK(busy.ns > 0);
  CHECK(idle.ns * 20 < busy.ns);
}

// C25
RUNNEL_TEST(sched_core, the_tick_is_back_after_idle, .cpus = 2, .limit = 10_s,
            .time = test::GuestTime::kExact)
{
  // Two equal ones on a CPU that was idle: the first gives way to the second after its slice and at most a
  // tick.
  sleep_for(10_ms);
  Duration longest;
  std::atomic<u32> stop{0};
  std::atomic<u64> last_seen[2] = {};
  auto body = [&](u32 i) {
    while (stop.load() == 0) {
      test::burn();
      last_seen[i].store(time::now().ns);
    }
  };
  const Instant start = time::now();
  {
    test::Threads two(2, body, [](u32) { return CpuMask::of(CpuId{1}); });
    while (last_seen[0].load() == 0 || last_seen[1].load() == 0) sleep_for(100_us);
    longest = time::now() - start;
    stop.store(1);
  }
  CHECK(longest.ns <= (2 * sched::port::kTick.ns) + (1_ms).ns + static_cast<i64>(sched::current().se.slice));
}

// C14
RUNNEL_TEST(sched_core, preemption_waits_for_the_outermost_enable, .time = test::GuestTime::kExact)
{
  REQUIRE(set_affinity(current_task(), CpuMask::of(CpuId{0})).has_value());
  std::atomic<u32> ran{0};
  sched::SchedAttr fifo;
  fifo.policy = static_cast<u32>(sched::Policy::kFifo);
  fifo.priority = 10;
  Completion go;
  auto body = [&](u32) {
    go.wait();
    ran.store(1);
  };
  test::Threads threads(1, body, [](u32) { return CpuMask::of(CpuId{0}); });
  REQUIRE(sched::sched_setattr(threads[0], fifo).has_value());
  while (threads[0].state.load() == sched::kRunning) sleep_for(50_us);
  {
    const PreemptGuard outer;
    {
      const PreemptGuard inner;
      go.complete();
      CHECK(ran.load() == 0u);
    }
    CHECK(ran.load() == 0u); // need_resched is set, and waits
    CHECK((current_task().thread.flags.load() & kNeedResched) != 0);
  }
  CHECK(ran.load() == 1u); // and here it was honoured
}

// C08
RUNNEL_TEST(sched_core, a_polling_cpu_needs_no_ipi, .cpus = 2, .limit = 10_s, .time = test::GuestTime::kExact)
{
  REQUIRE(set_affinity(current_task(), CpuMask::of(CpuId{0})).has_value());
  Completion go, done;
  constexpr u32 kRounds = 20;
  auto body = [&](u32) {
    for (u32 i = 0; i < kRounds; ++i) {
      go.wait();
      done.complete();
    }
  };
  test::Threads threads(1, body, [](u32) { return CpuMask::of(CpuId{1}); });
  sleep_for(5_ms);
  smp::set_idle_mode(smp::IdleMode::kPoll);
  go.complete(); // the last IPI: it leaves the halt, and polls from its next idleness on
  done.wait();
  sleep_for(2_ms);
  const Duration before = irq::irq_time({1});
  for (u32 i = 1; i < kRounds; ++i) {
    go.complete();
    done.wait();
  }
  const Duration spent = irq::irq_time({1}) - before;
  smp::set_idle_mode(smp::IdleMode::kHalt);
  CHECK(spent.ns == 0);
}

// C18
RUNNEL_TEST(sched_core, setaffinity_waits_for_migrate_enable, .cpus = 2, .limit = 10_s)
{
  std::atomic<u32> inside{0}, let_go{0}, moved_inside{0}, cpu_after{~0u};
  auto body = [&](u32) {
    sched::migrate_disable();
    sched::migrate_disable(); // it nests
    const u32 home = arch::Cpu::this_cpu().value;
    inside.store(home + 1);
    while (let_go.load() == 0) {
      if (arch::Cpu::this_cpu().value != home) moved_inside.store(1);
      sleep_for(200_us);
    }
    sched::migrate_enable();
    if (arch::Cpu::this_cpu().value != home) moved_inside.store(1);
    sched::migrate_enable();
    cpu_after.store(arch::Cpu::this_cpu().value);
    sleep_for(1_ms);
  };
  test::Threads threads(1, body);
  while (inside.load() == 0) sleep_for(100_us);
  const u32 home = inside.load() - 1;
  CpuMask others = online_cpus();
  others.clear({home});
  std::atomic<u32> returned{0};
  auto setter = [&](u32) { returned.store(set_affinity(threads[0], others).has_value() ? 1 : 2); };
  test::Threads setters(1, setter);
  sleep_for(3_ms);
  CHECK(returned.load() == 0u);
  let_go.store(1);
  setters.join();
  threads.join();
  CHECK(returned.load() == 1u);
  CHECK(moved_inside.load() == 0u);
  CHECK(cpu_after.load() != home);
}

// Debug images also seal the words below every saved stack pointer and panic when one was touched.
// C04
RUNNEL_TEST(sched_core, stacks_are_handed_over_whole, .limit = 10_s)
{
  std::atomic<u32> damaged{0};
  test::run_threads(8, [&](u32 i) {
    u64 pattern[64];
    for (u32 k = 0; k < 64; ++k) pattern[k] = (u64{i} << 32) + k;
    for (u32 n = 0; n < 60; ++n) {
      asm volatile("" : : "r"(pattern) : "memory"); // it stays in memory, on this stack
      if ((n + i) % 4 == 0)
        sleep_for(30_us);
      else if ((n + i) % 4 == 1)
        test::burn();
      else
        yield();
      for (u32 k = 0; k < 64; ++k) damaged.fetch_add(pattern[k] != (u64{i} << 32) + k);
    }
  });
  CHECK(damaged.load() == 0u);
}

// C12
RUNNEL_TEST(sched_core, preempt_count_is_zero_in_a_thread)
{
  std::atomic<u32> wrong{0};
  test::run_threads(4, [&](u32 i) {
    for (u32 n = 0; n < 20; ++n) {
      wrong.fetch_add(current_task().thread.preempt_count != 0);
      if ((n + i) % 3 == 0)
        sleep_for(50_us); // schedule()
      else if ((n + i) % 3 == 1)
        yield();
      else
        for (u32 k = 0; k < 20; ++k) test::burn(); // interrupts
      wrong.fetch_add(current_task().thread.preempt_count != 0);
    }
  });
  CHECK(wrong.load() == 0u);
}

} // namespace
} // namespace runnel
