// SPDX-License-Identifier: Apache-2.0
// Properties of the core, each with its own small scene on the simulated machine (spec 9.1).
#include "sched/sim/machine.hpp"

#include <catch2/catch.hpp>
#include <sched/attr.hpp>
#include <sched/deadline.hpp>
#include <sched/migrate_disable.hpp>
#include <sched/rq.hpp>

using namespace runnel;

namespace {

sim::Outcome on(const char* shape, std::function<void()> body, u64 seed = 1) {
  sim::Config config;
  config.seed = seed;
  config.shape = *sim::parse_shape(shape);
  return sim::run(config, std::move(body));
}

CpuMask only(u32 cpu) { return CpuMask::of(CpuId{cpu}); }

void join_all(const std::vector<sim::TaskRef>& tasks) {
  for (const sim::TaskRef& task : tasks) sim::join(task);
}

} // namespace

TEST_CASE("core: a wake-up between the state store and schedule() is no sleep", "[C06]") {
  on("1x2x1", [] {
    const u64 before = sim::self().stats.nvcsw;
    sim::Task& sleeper = sim::self();
    sched::set_current_state(sched::kInterruptible);
    bool woken = false;
    // A timer's interrupt comes before schedule() is reached: the state is stored already.
    struct Waker : sim::Timer {
      Waker(sim::Task& t, bool& w)
          : Timer([](Timer& self) {
              auto& waker = static_cast<Waker&>(self);
              waker.woken = sim::wake(waker.task);
            }),
            task(t), woken(w) {}
      sim::Task& task;
      bool& woken;
    } waker(sleeper, woken);
    sched::port::timer_start(waker, sim::now());
    {
      const sched::port::IrqGuard window;
    } // interrupts come on again: it fires here
    CHECK(woken);
    const Instant start = sim::now();
    sched::schedule();
    CHECK(sim::now() == start);
    CHECK(sim::self().stats.nvcsw == before);
    CHECK(sim::self().state.load() == sched::kRunning);
  });
}

TEST_CASE("core: no more IPIs than wake-ups, and no list is left over", "[C07]") {
  const sim::Outcome outcome = on("2x8x1", [] {
    std::vector<sim::TaskRef> tasks;
    std::vector<u64> posts(16), takes(16);
    for (u32 i = 0; i < 16; ++i)
      tasks.push_back(sim::spawn({.cpus = only(i)}, [&, i, rng = sim::machine->rng().fork()]() mutable {
        while (takes[i] < 500) {
          sim::wait_until([&, i] { return posts[i] > takes[i]; });
          ++takes[i];
          if (rng.one_in(2)) sim::compute(Duration{static_cast<i64>(rng.log_between(100, 20'000))});
        }
      }));
    sim::Rng rng = sim::machine->rng().fork();
    for (u32 left = 16 * 500; left != 0;) {
      const u64 i = rng.below(16);
      if (posts[i] == 500) continue;
      ++posts[i];
      --left;
      sim::wake(*tasks[i]);
      if (rng.one_in(3)) sim::compute(Duration{static_cast<i64>(rng.log_between(100, 5'000))});
    }
    join_all(tasks);
    sim::sleep(1_ms);
    for (u32 i = 0; i < 16; ++i) {
      CHECK(sched::cpu_rq(CpuId{i}).wake_list.load() == nullptr);
      CHECK(sched::cpu_rq(CpuId{i}).ttwu_pending.load() == 0);
    }
  });
  CHECK(outcome.counters.wakeups > 1000);
  const u64 first_wakeups = 16 + 16 + 1; // of the tasks, the stoppers and init
  CHECK(outcome.counters.ipis_sent <= outcome.counters.wakeups + first_wakeups);
}

TEST_CASE("core: an idle CPU runs a remotely woken task one IPI later, without a tick", "[C09][C24]") {
  sim::Config config;
  config.shape = *sim::parse_shape("1x2x1");
  config.ipi_latency = 3_us;
  const sim::Outcome outcome = sim::run(config, [] {
    sim::set_affinity(sim::self(), only(0));
    Instant posted, ran;
    bool go = false;
    const sim::TaskRef sleeper = sim::spawn({.cpus = only(1)}, [&] {
      sim::wait_until([&] { return go; });
      ran = sim::now();
    });
    sim::sleep(1_s); // both CPUs idle: no tick
    go = true;
    posted = sim::now();
    sim::wake(*sleeper);
    sim::join(sleeper);
    CHECK((ran - posted) == 3_us);
  });
  CHECK(outcome.counters.ticks == 0);
}

TEST_CASE("core: the tick runs from the first moment of being busy", "[C24][C25]") {
  const sim::Outcome outcome = on("1", [] {
    sim::sleep(Duration{1'234'567});
    sim::compute(sched::port::kTick * 10 + 1_us);
  });
  CHECK(outcome.counters.ticks == 10);
}

TEST_CASE("core: eight setters of one runner's affinity all return, and the last mask holds", "[C17]") {
  for (u64 seed = 1; seed <= 20; ++seed)
    on(
        "1x8x1",
        [] {
          bool stop = false;
          const sim::TaskRef runner = sim::spawn({.name = "runner"}, [&stop] {
            while (!stop) sim::compute(50_us);
          });
          std::vector<sim::TaskRef> setters;
          std::vector<CpuMask> last(8);
          for (u32 i = 0; i < 8; ++i)
            setters.push_back(sim::spawn({}, [&, i, rng = sim::machine->rng().fork()]() mutable {
              for (int n = 0; n < 20; ++n) {
                last[i] = only(static_cast<u32>(rng.below(8))) | only(static_cast<u32>(rng.below(8)));
                CHECK(sim::set_affinity(*runner, last[i]));
                if (rng.one_in(2)) sim::compute(Duration{static_cast<i64>(rng.log_between(100, 50'000))});
              }
            }));
          join_all(setters);
          CHECK(std::find(last.begin(), last.end(), runner->cpus_mask) != last.end());
          for (int n = 0; n < 20; ++n) {
            sim::compute(30_us);
            CHECK(runner->cpus_mask.test(runner->task_cpu()));
          }
          stop = true;
          sim::join(runner);
        },
        seed);
}

TEST_CASE("core: a setter waits for migrate_enable, and the task stays until then", "[C18]") {
  on("1x4x1", [] {
    Instant enabled;
    bool pinned = false;
    const sim::TaskRef task = sim::spawn({.cpus = only(1)}, [&] {
      sched::migrate_disable();
      pinned = true;
      sim::compute(3_ms);
      sim::sleep(2_ms);
      sched::migrate_disable(); // nests
      sched::migrate_enable();
      sim::compute(1_ms);
      CHECK(sim::cpu() == CpuId{1});
      enabled = sim::now();
      sched::migrate_enable();
      CHECK(sim::cpu() == CpuId{3});
    });
    while (!pinned) sim::sleep(100_us);
    CHECK(sim::set_affinity(*task, only(3)));
    CHECK_FALSE(sim::now().is_before(enabled));
    CHECK((sim::now() - enabled) < 100_us);
    sim::join(task);
  });
}

TEST_CASE("core: yields starve nobody", "[C28]") {
  on("1", [] {
    bool stop = false;
    std::vector<sim::TaskRef> tasks;
    for (int i = 0; i < 3; ++i)
      tasks.push_back(sim::spawn({}, [&stop] {
        while (!stop) {
          sim::compute(1_us);
          CHECK(sched::yield() == 0);
        }
      }));
    const Instant start = sim::now();
    const sim::TaskRef worker = sim::spawn({}, [] { sim::compute(100_ms); });
    sim::join(worker);
    CHECK((sim::now() - start) < 450_ms); // a quarter of the CPU, and some
    stop = true;
    join_all(tasks);
  });
}

TEST_CASE("core: forty thousand tasks come and go without a trace", "[C29]") {
  on("2x4x1", [] {
    const usize before = sim::machine->tasks().size();
    const u64 bandwidth = sched::dl_limit().total_bw;
    std::vector<sim::TaskRef> makers;
    for (u32 m = 0; m < 16; ++m)
      makers.push_back(sim::spawn({.name = "maker"}, [rng = sim::machine->rng().fork()]() mutable {
        for (int n = 0; n < 2500; ++n) {
          sim::TaskOptions options{.name = "child"};
          const u64 kind = rng.below(10);
          if (kind < 2)
            options.policy = kind == 0 ? sched::Policy::kFifo : sched::Policy::kRr, options.rt_priority = 5;
          if (kind == 2) options.policy = sched::Policy::kBatch, options.nice = 5;
          const Duration work{static_cast<i64>(rng.log_between(100, 20'000))};
          const bool deadline = kind == 3;
          const sim::TaskRef child = sim::spawn(options, [work, deadline] {
            if (deadline) { // refused when there is no room; that is no error
              sched::SchedAttr attr;
              attr.policy = static_cast<u32>(sched::Policy::kDeadline);
              attr.runtime = 1'000'000;
              attr.deadline = attr.period = 50'000'000;
              static_cast<void>(sched::sched_setattr(sim::self(), attr));
            }
            sim::compute(work);
          });
          if (rng.one_in(2))
            sim::join(child);
          else
            sim::compute(work);
        }
      }));
    join_all(makers);
    makers.clear();
    sim::sleep(200_ms); // a deadline task's bandwidth returns at its zero-lag time
    CHECK(sim::machine->tasks().size() == before);
    CHECK(sched::dl_limit().total_bw == bandwidth);
  });
}

TEST_CASE("core: the time tasks are charged is the time they had the CPU", "[C13]") {
  on("1x4x1", [] {
    std::vector<sim::TaskRef> tasks;
    for (int i = 0; i < 10; ++i)
      tasks.push_back(sim::spawn({}, [i] {
        for (int n = 0; n < 20; ++n) {
          sim::compute(Duration{(i + 1) * 137'000});
          sim::sleep(Duration{(n + 1) * 91'000});
        }
      }));
    for (const sim::TaskRef& task : tasks) {
      sim::join(task);
      CHECK(task->stats.sum_exec_runtime == task->computed);
    }
  });
}
