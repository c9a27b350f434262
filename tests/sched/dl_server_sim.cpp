// SPDX-License-Identifier: Apache-2.0
// The fair server on the simulated machine (spec 5.8).
#include "tests/sched/dl_sim.hpp"

using namespace runnel;

// A runtime ends when it is used up, not with the tick after it, also where the server's task follows a
// deadline task that goes to sleep.
TEST_CASE("starved fair tasks get the server's runtime and no more, with deadline tasks before them",
          "[R09]") {
  sim::Config config;
  config.shape = *sim::parse_shape("1x1x1");
  sim::run(config, [] {
    constexpr Duration kRuntime = 2_ms, kPeriod = 21_ms; // ends at all phases of the tick
    constexpr i64 kPeriods = 20;
    REQUIRE(sched::dl_server_set_params(
                CpuId{0}, sched::DlServerKind::kFair,
                {.runtime = static_cast<u64>(kRuntime.ns), .period = static_cast<u64>(kPeriod.ns)})
                .has_value());
    const Instant end = sim::now() + kPeriod * (kPeriods + 2);
    const auto spin = [end] {
      while (sim::now().is_before(end)) sim::compute(50_us);
    };
    Duration longest; // of what it got at one go, deadline jobs in between or not
    const sim::TaskRef fair = sim::spawn({}, [&longest, end] {
      constexpr Duration kStep = 50_us;
      Duration got;
      for (Instant last = sim::now(); last.is_before(end);) {
        sim::compute(kStep);
        got = sim::now() - last > 1_ms ? kStep : got + kStep;
        if (got > longest) longest = got;
        last = sim::now();
      }
    });
    const sim::TaskRef fifo = sim::spawn({.policy = sched::Policy::kFifo, .rt_priority = 50}, spin);
    const sim::TaskRef deadline = sim::spawn(
        {.policy = sched::Policy::kDeadline, .runtime = 200_us, .deadline = 600_us, .period = 3300_us},
        [end] { sim::run_jobs({200_us, 600_us, 3300_us, 100_us}, sim::now(), end); });
    const sim::TaskRef director = sim::spawn({.policy = sched::Policy::kFifo, .rt_priority = 90}, [&] {
      sim::sleep(kPeriod);
      const Duration before = sched::task_runtime(*fair);
      sim::sleep(kPeriod * kPeriods);
      const Duration got = sched::task_runtime(*fair) - before;
      INFO("got " << got.ns << " ns");
      CHECK(got >= kRuntime * (kPeriods - 2)); // ... and miss parts of two
      CHECK(got <= kRuntime * (kPeriods + 1)); // the window may hold parts of one more
    });
    for (const sim::TaskRef& task : {director, deadline, fifo, fair}) sim::join(task);
    INFO("longest " << longest.ns << " ns");
    CHECK(longest <= kRuntime + 100_us); // what is too much is paid back later: the sum does not show it
  });
}
