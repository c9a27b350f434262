// SPDX-License-Identifier: Apache-2.0
// The deadline class on the simulated machine: the sums, global EDF and tardiness under random loads
// (spec 5.4 - 5.6).
#include "tests/sched/dl_sim.hpp"

using namespace runnel;
using sim::JobSpec;
using sim::JobStats;

namespace {

/// A random set that admission lets in, of up to `tasks` tasks.
std::vector<JobSpec> random_set(u32 tasks) {
  std::vector<JobSpec> set;
  for (u32 i = 0; i < tasks; ++i) {
    JobSpec spec;
    spec.period = Duration{static_cast<i64>(1'000'000 + sim::machine->rng().below(40'000'000))};
    spec.deadline = spec.period;
    const i64 percent = 5 + static_cast<i64>(sim::machine->rng().below(75));
    spec.runtime = spec.period * percent / 100;
    set.push_back(spec);
  }
  return set;
}

sim::Config config_of(const char* shape, u64 seed) {
  sim::Config config;
  config.seed = seed;
  config.shape = *sim::parse_shape(shape);
  return config;
}

} // namespace

TEST_CASE("random periodic sets keep the tardiness bound, the sums and global EDF", "[D05][D12][D35]") {
  u32 sets = 0;
  u64 looked = 0;
  const u64 wanted = sim::seeds(50);
  for (u64 seed = 1; sets < wanted; ++seed) {
    const char* shape = seed % 2 == 0 ? "1x2x1" : "1x4x1";
    const u32 cpus = seed % 2 == 0 ? 2 : 4;
    looked += sim::run(config_of(shape, seed), [&] {
                sim::servers_off();
                std::vector<JobSpec> set;
                std::vector<JobStats> results(16);
                std::vector<sim::TaskRef> tasks;
                const Instant first = sim::now() + 5_ms;
                const Instant end = first + 400_ms;
                double u_max = 0;
                i64 c_max = 0;
                i64 c_min = INT64_MAX;
                for (const JobSpec& spec : random_set(cpus + 5)) {
                  bool admitted = false;
                  const u32 at = static_cast<u32>(set.size());
                  sim::TaskRef task = sim::spawn({}, [&, spec, at] {
                    admitted =
                        sim::set_deadline(sim::self(), spec.runtime, spec.deadline, spec.period).has_value();
                    if (admitted) results[at] = sim::run_jobs(spec, first, end);
                  });
                  sim::sleep(100_us);
                  if (!admitted) continue;
                  set.push_back(spec);
                  tasks.push_back(std::move(task));
                  u_max = std::max(u_max, double(spec.runtime.ns) / double(spec.period.ns));
                  c_max = std::max(c_max, spec.runtime.ns);
                  c_min = std::min(c_min, spec.runtime.ns);
                }
                for (const sim::TaskRef& task : tasks) sim::join(task);
                if (set.size() <= cpus) return; // each has a CPU: nothing is tried
                ++sets;
                const double m = cpus;
                const double bound =
                    ((m - 1) * double(c_max) - double(c_min)) / (m - (m - 2) * u_max) + double(c_max);
                for (u32 i = 0; i < set.size(); ++i) {
                  INFO("seed " << seed << " task " << i);
                  CHECK(results[i].done > 0);
                  CHECK(double(results[i].latest.ns) <= bound + 50'000);
                }
              }).counters.rests;
  }
  CHECK(looked > 5000);
}

TEST_CASE("attributes that change at random from other CPUs leave no stuck task and true sums",
          "[D05][D30][D35]") {
  u64 looked = 0;
  u32 changes = 0;
  for (u64 seed = 1; seed <= sim::seeds(20); ++seed) {
    sim::Config config = config_of(seed % 3 == 0 ? "1x2x1" : "1x4x1", seed);
    if (seed % 4 == 0) config.interleaving = sim::Interleaving::kFine;
    looked +=
        sim::run(config, [&] {
          sim::Rng& rng = sim::machine->rng();
          constexpr u32 kTasks = 8;
          bool stop = false;
          u64 turns[kTasks] = {};
          std::vector<sim::TaskRef> tasks;
          for (u32 i = 0; i < kTasks; ++i)
            tasks.push_back(sim::spawn({}, [&, i] {
              while (!stop) {
                sim::compute(Duration{static_cast<i64>(20'000 + rng.below(1'500'000))});
                if (rng.below(3) == 0) sim::sleep(Duration{static_cast<i64>(10'000 + rng.below(3'000'000))});
                if (rng.below(8) == 0) sched::yield();
                ++turns[i];
              }
            }));
          std::vector<sim::TaskRef> setters;
          for (u32 s = 0; s < 2; ++s)
            setters.push_back(sim::spawn({.policy = sched::Policy::kFifo, .rt_priority = 50}, [&] {
              for (u32 n = 0; n < 150; ++n) {
                sim::sleep(Duration{static_cast<i64>(50'000 + rng.below(1'000'000))});
                sim::Task& victim = *tasks[rng.below(kTasks)];
                const Duration period{static_cast<i64>(1'000'000 + rng.below(8'000'000))};
                const Duration deadline = period * static_cast<i64>(60 + rng.below(41)) / 100;
                const Duration runtime = deadline * static_cast<i64>(5 + rng.below(40)) / 100;
                if (rng.below(4) == 0)
                  changes += sim::set_normal(victim).has_value() ? 1 : 0;
                else
                  changes +=
                      sim::set_deadline(victim, runtime, deadline, period, rng.below(2) == 0 ? 2 : 0) ? 1 : 0;
              }
            }));
          for (const sim::TaskRef& setter : setters) sim::join(setter);
          u64 before[kTasks];
          std::copy(std::begin(turns), std::end(turns), before);
          sim::sleep(300_ms);
          for (u32 i = 0; i < kTasks; ++i) {
            INFO("seed " << seed << " task " << i);
            CHECK(turns[i] > before[i]); // none is stuck throttled
          }
          stop = true;
          for (const sim::TaskRef& task : tasks) sim::join(task);
          sim::sleep(20_ms); // past every 0-lag time
          u64 left = 0;
          for (u32 i = 0; i < sim::machine->nr_cpus(); ++i)
            left += sched::cpu_rq(CpuId{i}).dl.fair_server.bw + sched::cpu_rq(CpuId{i}).dl.ext_server.bw;
          CHECK(sched::dl_limit().total_bw == left); // the dead gave back all they had
        }).counters.rests;
  }
  CHECK(changes > 1000);
  CHECK(looked > 1000);
}

TEST_CASE("a CPU that goes down hands on its throttled deadline tasks", "[D32]") {
  for (u64 seed = 1; seed <= sim::seeds(10); ++seed) {
    sim::run(config_of("1x4x1", seed), [&] {
      constexpr u32 kTasks = 4;
      bool stop = false;
      u64 turns[kTasks] = {};
      std::vector<sim::TaskRef> tasks;
      for (u32 i = 0; i < kTasks; ++i)
        tasks.push_back(sim::spawn({}, [&, i] {
          REQUIRE(sim::set_deadline(sim::self(), 2_ms, 20_ms, 20_ms).has_value());
          while (!stop) {
            sim::compute(100_us);
            ++turns[i];
          }
        }));
      sim::sleep(50_ms);
      u32 held_throttled = 0;
      for (u32 round = 0; round < 6; ++round) {
        const CpuId cpu{1 + static_cast<u32>(sim::machine->rng().below(3))};
        sim::sleep(Duration{static_cast<i64>(1'000'000 + sim::machine->rng().below(20'000'000))});
        REQUIRE(sched::set_cpus_allowed(sim::self(), CpuMask::of(CpuId{0})).has_value());
        REQUIRE(sched::sched_cpu_deactivate(cpu).has_value());
        sched::sched_cpu_wait_empty(cpu);
        for (const sim::TaskRef& task : tasks)
          held_throttled += task->dl.throttled && task->task_cpu() == cpu ? 1 : 0;
        u64 before[kTasks];
        std::copy(std::begin(turns), std::end(turns), before);
        sim::sleep(45_ms);
        for (u32 i = 0; i < kTasks; ++i) {
          INFO("seed " << seed << " round " << round << " task " << i);
          CHECK(turns[i] > before[i]);
          CHECK(tasks[i]->task_cpu() != cpu);
        }
        sched::sched_cpu_activate(cpu);
      }
      CHECK(held_throttled > 0);
      stop = true;
      for (const sim::TaskRef& task : tasks) sim::join(task);
    });
  }
}
