// SPDX-License-Identifier: Apache-2.0
// sched_stat_runtime (spec 8.2): what the trace says was charged is what was charged, in every class.
#include "sched/sim/machine.hpp"

#include <catch2/catch.hpp>
#include <map>

using namespace runnel;

TEST_CASE("trace: the accounted times of a task add up to its runtime", "[trace]") {
  for (u64 seed = 1; seed <= 4; ++seed) {
    sim::Config config;
    config.shape = *sim::parse_shape("1x2");
    config.seed = seed;
    config.tracing = sim::Tracing::kOn;
    std::map<u32, u64> charged;
    const sim::Outcome outcome = sim::run(config, [&] {
      std::vector<sim::TaskRef> tasks;
      const auto work = [](Duration stretch, Duration rest) {
        return [=] {
          for (u32 i = 0; i < 20; ++i) {
            sim::compute(stretch);
            sim::sleep(rest);
          }
        };
      };
      tasks.push_back(sim::spawn({.name = "hog"}, [] { sim::compute(80_ms); }));
      tasks.push_back(sim::spawn({.name = "nice", .nice = 10}, work(3_ms, 1_ms)));
      tasks.push_back(
          sim::spawn({.name = "rt", .policy = sched::Policy::kRr, .rt_priority = 5}, work(700_us, 2_ms)));
      tasks.push_back(sim::spawn({.name = "dl",
                                  .policy = sched::Policy::kDeadline,
                                  .runtime = 2_ms,
                                  .deadline = 10_ms,
                                  .period = 10_ms},
                                 work(1_ms, 9_ms)));
      for (const sim::TaskRef& task : tasks) sim::join(task);
      sim::sleep(1_ms); // the last of them has left its CPU for good
      for (const sim::TaskRef& task : tasks)
        charged[task->pid] = static_cast<u64>(task->stats.sum_exec_runtime.ns);
    });
    std::map<u32, u64> traced;
    for (const trace::Event& e : outcome.trace)
      if (e.type == trace::EventType::kSchedStatRuntime) {
        CHECK(e.pid != 0);
        CHECK(e.a > 0);
        traced[e.pid] += e.a;
      }
    for (const auto& [pid, ns] : charged) {
      CAPTURE(seed, pid);
      CHECK(ns > 10'000'000);
      CHECK(traced[pid] == ns);
    }
  }
}
