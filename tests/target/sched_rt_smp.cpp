// SPDX-License-Identifier: Apache-2.0
// The realtime class on several CPUs: who runs where (spec 4 RT4 to RT8, 9.3).
#include "tests/target/rt_tasks.hpp"

#include <sched/migrate_disable.hpp>
#include <sched/rq.hpp>

namespace runnel {
namespace {

using test::RtSpec;

const CpuMask kEverywhere = CpuMask::all();

bool executes(CpuId cpu, const Task& task) { return sched::cpu_rq(cpu).curr == &task; }
bool executes(const Task& task) { return executes(task.task_cpu(), task); }

/// Long enough for interrupts, switches, pushes and pulls on every CPU: first without the director, whose CPU
/// others take, then with it, so that nothing is under way when it looks.
void settle() {
  sleep_for(200_us);
  time::delay(200_us);
}

// R07
RUNNEL_TEST(sched_rt_smp, pinned_newcomer_displaces_a_movable_equal, .cpus = 3, .limit = 5_s,
            .time = test::GuestTime::kExact)
{
  std::atomic<bool> stop{false};
  std::atomic<u64> began[2] = {};
  auto body = [&](u32 i) {
    began[i].store(time::now().ns);
    while (!stop.load(std::memory_order_relaxed)) test::burn();
  };
  const CpuMask cpu1 = CpuMask::of(CpuId{1});
  const test::Director director;
  {
    test::RtThreads threads({RtSpec{.cpus = cpu1}, RtSpec{.cpus = cpu1}}, body);
    threads.start(0);
    settle();
    CHECK(executes(CpuId{1}, threads[0]));
    CHECK(set_affinity(threads[0], kEverywhere).has_value());
    const Instant woken = time::now();
    threads.start(1);
    settle();
    CHECK(executes(CpuId{1}, threads[1]));
    CHECK((Instant{began[1].load()} - woken).ns < (100_us).ns);
    CHECK(executes(threads[0]));
    CHECK(threads[0].task_cpu() != CpuId{1});
    stop.store(true);
  }
}

// R07: the other way round nobody is displaced.
RUNNEL_TEST(sched_rt_smp, movable_newcomer_waits_behind_no_equal, .cpus = 3, .limit = 5_s,
            .time = test::GuestTime::kExact)
{
  std::atomic<bool> stop{false};
  auto body = [&](u32) {
    while (!stop.load(std::memory_order_relaxed)) test::burn();
  };
  const CpuMask cpu1 = CpuMask::of(CpuId{1});
  const test::Director director;
  {
    test::RtThreads threads({RtSpec{.cpus = cpu1}, RtSpec{.cpus = kEverywhere}}, body);
    threads.start(0);
    settle();
    threads.start(1);
    settle();
    CHECK(executes(CpuId{1}, threads[0]));
    CHECK(executes(threads[1]));
    CHECK(threads[0].stats.nr_migrations == 0u);
    stop.store(true);
  }
}

// R06: for one that waits and may not move, the more urgent one in its place is sent away if it can go (RT6).
RUNNEL_TEST(sched_rt_smp, the_running_one_is_sent_away_for_one_that_may_not_move, .cpus = 3, .limit = 5_s,
            .time = test::GuestTime::kExact)
{
  std::atomic<bool> stop{false};
  Completion wake;
  auto body = [&](u32 i) {
    const auto spin = [&] {
      while (!stop.load(std::memory_order_relaxed)) test::burn();
    };
    if (i != 0) return spin();
    const sched::MigrateDisableGuard stays;
    wake.wait();
    spin();
  };
  const CpuMask cpu1 = CpuMask::of(CpuId{1});
  const test::Director director;
  {
    test::RtThreads threads({RtSpec{.priority = 30, .cpus = cpu1}, RtSpec{.priority = 40, .cpus = cpu1},
                             RtSpec{.priority = 50, .cpus = cpu1}},
                            body);
    threads.start(0);
    settle();
    CHECK(set_affinity(threads[0], kEverywhere).has_value());
    threads.start(1);
    settle();
    CHECK(set_affinity(threads[1], kEverywhere).has_value());
    CHECK(executes(CpuId{1}, threads[1]));
    wake.complete(); // by a wake-up
    settle();
    CHECK(executes(CpuId{1}, threads[0]));
    CHECK(executes(threads[1]));

    threads.start(2);
    settle();
    CHECK(!executes(threads[0]));
    CHECK(set_affinity(threads[2], kEverywhere).has_value());
    test::set_fifo(threads[1], 29); // else the one to be sent away finds no place with a machine of three
    test::set_fifo(threads[0], 31); // by a change of priority
    settle();
    CHECK(executes(CpuId{1}, threads[0]));
    CHECK(executes(threads[2]));
    stop.store(true);
  }
}

/// Spinning threads with priorities and masks that the director changes; it is
/// itself one of those that run.
struct Spinners {
  static constexpr u32 kMost = 10;
  std::atomic<bool> stop{false};
  std::atomic<bool> pin[kMost] = {}; // wanted: migrate_disable
  std::atomic<u64> allowed[kMost];   // while set_affinity is under way: the old
                                     // CPUs and the new
  std::atomic<u32> illegal{0};

  Spinners() {
    for (auto& mask : allowed) mask.store(~u64{0});
  }

  void operator()(u32 i) {
    u32 inside = 0;
    CpuId home;
    while (!stop.load(std::memory_order_relaxed)) {
      const bool wanted = pin[i].load(std::memory_order_relaxed);
      if (wanted && inside == 0) {
        sched::migrate_disable();
        inside = 1;
        home = arch::Cpu::this_cpu();
      } else if (!wanted && inside != 0) {
        sched::migrate_enable();
        inside = 0;
      }
      check_place(i, inside != 0, home);
      test::burn();
    }
    if (inside != 0) sched::migrate_enable();
  }

 private:
  void check_place(u32 i, bool is_pinned, CpuId home) {
    const sync::PreemptGuard no_preempt;
    const CpuId here = arch::Cpu::this_cpu();
    const bool legal = is_pinned ? here == home : CpuMask::from_bits(allowed[i].load()).test(here);
    if (!legal) illegal.fetch_add(1);
  }
};

u32 next_random(u32& state) {
  state = state * 1664525 + 1013904223;
  return state >> 8;
}

/// RT8 as far as affinity allows: nobody waits while a CPU it may use runs something lower. How many do.
template <typename Threads> u32 count_wronged(Threads& threads) {
  u32 wronged = 0;
  const auto lower_elsewhere = [](const CpuMask& mask, i32 prio) {
    for (const CpuId cpu : mask& online_cpus())
      if (sched::cpu_rq(cpu).curr->prio > prio) return true;
    return false;
  };
  for (u32 i = 0; i < threads.count(); ++i) {
    Task& p = threads[i];
    if (executes(p)) continue;
    if (p.migration_disabled == 0) {
      wronged += lower_elsewhere(p.cpus_mask, p.prio);
      continue;
    }
    wronged += sched::cpu_rq(p.task_cpu()).curr->prio > p.prio;
  }
  return wronged;
}

// In exact time only: `at rest` is a length of time, which a host that stops a CPU for a while makes untrue.
// R04
RUNNEL_TEST(sched_rt_smp, the_most_urgent_run, .cpus = 2, .limit = 20_s, .time = test::GuestTime::kExact)
{
  const u32 cpus = online_cpus().count();
  Spinners body;
  RtSpec specs[Spinners::kMost];
  for (u32 i = 0; i < Spinners::kMost; ++i) specs[i] = {.priority = 10 + i, .cpus = kEverywhere};
  const test::Director director(kEverywhere);
  {
    test::RtThreads threads(specs, Spinners::kMost, body);
    threads.start_all();
    u32 random = 4711;
    u32 wrong = 0;
    for (u32 round = 0; round < 40; ++round) {
      test::set_fifo(threads[next_random(random) % Spinners::kMost], 1 + next_random(random) % 98);
      settle();
      // The director runs on one CPU; on the others the best of the rest do:
      // everyone that executes is at least as urgent as everyone that waits.
      i32 worst_running = -1;
      i32 best_waiting = 1000;
      u32 running = 0;
      for (u32 i = 0; i < Spinners::kMost; ++i) {
        const i32 prio = threads[i].prio;
        if (executes(threads[i])) {
          ++running;
          worst_running = prio > worst_running ? prio : worst_running;
        } else {
          best_waiting = prio < best_waiting ? prio : best_waiting;
        }
      }
      wrong += running != cpus - 1 || worst_running > best_waiting;
    }
    CHECK(wrong == 0u);
    body.stop.store(true);
  }
  CHECK(body.illegal.load() == 0u);
}

// R06
RUNNEL_TEST(sched_rt_smp, storm_of_affinities_and_migrate_disable, .cpus = 2, .limit = 30_s,
            .time = test::GuestTime::kExact)
{
  const u32 cpus = online_cpus().count();
  Spinners body;
  RtSpec specs[Spinners::kMost];
  for (u32 i = 0; i < Spinners::kMost; ++i) specs[i] = {.priority = 10 + i, .cpus = kEverywhere};
  const test::Director director(kEverywhere);
  {
    test::RtThreads threads(specs, Spinners::kMost, body);
    threads.start_all();
    u32 random = 99;
    u32 wronged = 0;
    for (u32 round = 0; round < 120; ++round) {
      const u32 i = next_random(random) % Spinners::kMost;
      switch (next_random(random) % 3) {
      case 0:
        test::set_fifo(threads[i], 1 + next_random(random) % 98);
        break;
      case 1: {
        const CpuMask mask = CpuMask::from_bits(1 + next_random(random) % ((u64{1} << cpus) - 1));
        // A migrate-disabled one would have to leave first (C18), and it may be
        // waiting for a CPU.
        if (body.pin[i].load() || threads[i].migration_disabled != 0) break;
        body.allowed[i].store(body.allowed[i].load() | mask.bits());
        CHECK(set_affinity(threads[i], mask).has_value());
        body.allowed[i].store(mask.bits());
        break;
      }
      default:
        // Only who runs can enter or leave.
        if (body.pin[i].load() == (threads[i].migration_disabled != 0))
          body.pin[i].store(!body.pin[i].load());
      }
      settle();
      wronged += count_wronged(threads);
    }
    CHECK(wronged == 0u);
    body.stop.store(true);
  }
  CHECK(body.illegal.load() == 0u);
}

} // namespace
} // namespace runnel
