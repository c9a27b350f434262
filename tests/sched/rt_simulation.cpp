// SPDX-License-Identifier: Apache-2.0
// The realtime class on simulated machines of every shape (spec 4 RT1 to RT8; catalogue R01, R02, R04 to
// R06).
#include "tests/sched/storm.hpp"

#include <catch2/catch.hpp>
#include <sched/attr.hpp>
#include <sched/migrate_disable.hpp>
#include <sched/rt.hpp>

using namespace runnel;
using sched::Policy;

namespace {

sim::TaskOptions fifo(u32 priority, const CpuMask& cpus = CpuMask::of(CpuId{0})) {
  return {.name = "fifo", .cpus = cpus, .policy = Policy::kFifo, .rt_priority = priority};
}

void set_fifo(sched::Task& task, u32 priority) {
  REQUIRE(sched::sched_setscheduler(task, static_cast<u32>(Policy::kFifo), priority).has_value());
}

/// Runs on one CPU; the body directs from above.
template <typename Body> void on_one_cpu(Body body) {
  sim::Config config;
  config.shape = *sim::parse_shape("1");
  sim::run(config, [&] {
    set_fifo(sim::self(), 99);
    body();
  });
}

void join_all(std::vector<sim::TaskRef>& tasks) {
  for (const sim::TaskRef& task : tasks) sim::join(task);
  tasks.clear();
}

bool executes(const sim::Task& task) { return sched::task_rq(task).curr == &task; }

} // namespace

TEST_CASE("sim: FIFO order, yield to the tail, a preempted task keeps the head", "[R01]") {
  on_one_cpu([] {
    std::string order;
    std::vector<sim::TaskRef> tasks;
    tasks.push_back(sim::spawn(fifo(50), [&] {
      order += 'a';
      sched::yield();
      order += 'A';
    }));
    tasks.push_back(sim::spawn(fifo(50), [&] {
      order += 'b';
      const sim::TaskRef urgent = sim::spawn(fifo(60), [&] { order += 'd'; });
      order += 'B';
      sim::join(urgent);
    }));
    tasks.push_back(sim::spawn(fifo(50), [&] { order += 'c'; }));
    join_all(tasks);
    CHECK(order == "abdBcA");
  });
}

TEST_CASE("sim: RR turns of 100 ms", "[R02]") {
  on_one_cpu([] {
    constexpr Duration slice = 100_ms;
    std::string order;
    std::vector<sim::TaskRef> tasks;
    std::vector<Instant> begun;
    for (char name : {'a', 'b', 'c'})
      tasks.push_back(sim::spawn({.name = "rr", .policy = Policy::kRr, .rt_priority = 10}, [&, name] {
        for (int ms = 0; ms < 3 * slice.ns / 1'000'000; ++ms) {
          if (order.empty() || order.back() != name) {
            order += name;
            begun.push_back(sim::now());
          }
          sim::compute(1_ms);
        }
      }));
    join_all(tasks);
    CHECK(order == "abcabcabc");
    for (usize i = 1; i < begun.size(); ++i) {
      const Duration turn = begun[i] - begun[i - 1];
      CHECK(turn.ns >= slice.ns - 4'000'000);
      CHECK(turn.ns <= slice.ns + 4'000'000);
    }
  });
}

TEST_CASE("sim: lowering goes to the head, raising to the tail", "[R05]") {
  on_one_cpu([] {
    std::string order;
    std::vector<sim::TaskRef> tasks;
    for (const auto& [name, priority] : {std::pair{'a', 50}, {'b', 50}, {'c', 40}, {'d', 60}})
      tasks.push_back(
          sim::spawn(fifo(static_cast<u32>(priority)), [&order, which = name] { order += which; }));
    set_fifo(*tasks[2], 50);
    set_fifo(*tasks[3], 50);
    join_all(tasks);
    CHECK(order == "dabc");
  });
}

namespace {

/// Tasks that compute for ever, changed by the director: priority, mask, migrate_disable.
struct Spinners {
  const sim::Case& c;
  std::vector<sim::TaskRef> tasks;
  std::vector<u8> pin; // wanted
  bool stop = false;

  explicit Spinners(const sim::Case& of) : c(of), pin(of.tasks + 2) {
    set_fifo(sim::self(), 99);
    const u32 n = sim::machine->nr_cpus();
    for (u32 i = 0; i < c.tasks + 2; ++i)
      tasks.push_back(sim::spawn(fifo(1 + i % 98, CpuMask::first(n)), [this, i] { spin(i); }));
  }
  ~Spinners() {
    stop = true;
    join_all(tasks);
  }

  void spin(u32 i) {
    bool pinned = false;
    while (!stop) {
      if ((pin[i] != 0) != pinned) {
        pinned ? sched::migrate_enable() : sched::migrate_disable();
        pinned = !pinned;
      }
      sim::compute(20_us);
    }
    if (pinned) sched::migrate_enable();
  }

  /// Nothing is under way any more: first without the director, then with it.
  static void settle() {
    sim::sleep(200_us);
    sim::compute(200_us);
  }

  /// RT8 as far as affinity allows: nobody waits while a CPU it may use runs something lower.
  void check_nobody_is_wronged() {
    const u32 n = sim::machine->nr_cpus();
    i32 worst = -1;
    for (u32 cpu = 0; cpu < n; ++cpu) worst = std::max(worst, sched::cpu_rq(CpuId{cpu}).curr->prio);
    for (const sim::TaskRef& task : tasks) {
      if (executes(*task) || task->prio >= worst) continue;
      for (u32 cpu = 0; cpu < n; ++cpu) {
        const bool may =
            task->migration_disabled != 0 ? task->task_cpu().value == cpu : task->cpus_mask.test(CpuId{cpu});
        if (may && sched::cpu_rq(CpuId{cpu}).curr->prio > task->prio)
          sim::machine->fail("RT8", "a task waits while a CPU it may use runs something lower");
      }
    }
  }
};

} // namespace

TEST_CASE("sim: the most urgent run", "[R04]") {
  require_property(
      {.max_cpus = 64, .max_tasks = 80, .max_rounds = 12, .cases = 40, .body = [](const sim::Case& c) {
         Spinners spinners(c);
         sim::Rng& rng = sim::machine->rng();
         for (u32 round = 0; round < c.rounds; ++round) {
           set_fifo(*spinners.tasks[rng.below(spinners.tasks.size())], static_cast<u32>(rng.between(1, 98)));
           Spinners::settle();
           spinners.check_nobody_is_wronged();
         }
       }});
}

TEST_CASE("sim: affinities and migrate_disable, nobody is wronged", "[R06]") {
  require_property(
      {.max_cpus = 16, .max_tasks = 24, .max_rounds = 60, .cases = 60, .body = [](const sim::Case& c) {
         Spinners spinners(c);
         sim::Rng& rng = sim::machine->rng();
         const u32 n = sim::machine->nr_cpus();
         for (u32 round = 0; round < c.rounds; ++round) {
           const usize i = rng.below(spinners.tasks.size());
           sim::Task& task = *spinners.tasks[i];
           switch (rng.below(3)) {
           case 0:
             set_fifo(task, static_cast<u32>(rng.between(1, 98)));
             break;
           case 1: {
             // One that is migrate-disabled would have to run first, and perhaps nobody lets it.
             if (spinners.pin[i] != 0 || task.migration_disabled != 0) break;
             CpuMask mask = CpuMask::of(CpuId{static_cast<u32>(rng.below(n))});
             while (rng.one_in(2)) mask.set(CpuId{static_cast<u32>(rng.below(n))});
             REQUIRE(sim::set_affinity(task, mask).has_value());
             break;
           }
           default:
             spinners.pin[i] ^= 1;
           }
           Spinners::settle();
           spinners.check_nobody_is_wronged();
         }
       }});
}
