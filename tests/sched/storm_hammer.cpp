// SPDX-License-Identifier: Apache-2.0
// Affinity and hotplug at once, for long: tasks of all classes that mostly sleep, change each other's masks
// and stay inside migrate_disable while CPUs go down and come up. tests/target/sched_hammer.cpp is its like
// on the target.
#include "tests/sched/storm.hpp"

#include <catch2/catch.hpp>

using namespace runnel;

namespace {

void hammer(const char* shape, u64 seed, sim::Interleaving interleaving, Duration length) {
  const Storm kind{.compute = 2,
                   .sleep = 40,
                   .yield = 1,
                   .wait = 8,
                   .affinity = 16,
                   .pin = 8,
                   .policy = 2,
                   .deadline = 1,
                   .fork = 1,
                   .stop = 2,
                   .hotplug = true,
                   .mixed_classes = true,
                   .at_least = length};
  sim::Config config;
  config.seed = seed;
  config.shape = *sim::parse_shape(shape);
  config.interleaving = interleaving;
  config.ipi_latency = 1_us;
  config.step_limit = 2'000'000'000;
  config.time_limit = length * 2 + 10'000_ms;
  const sim::Case c{.seed = seed,
                    .shape = config.shape,
                    .tasks = 2 * config.shape.cpus() + 4,
                    .rounds = 1,
                    .interleaving = interleaving};
  INFO("machine " << shape << ", seed " << seed);
  const sim::Outcome outcome = sim::run(config, [&] { run_storm(kind, c); });
  CHECK(outcome.time >= length);
}

void hammer_everywhere(Duration length) {
  for (const char* shape : {"1", "1x2", "1x4", "2x2x2"})
    for (const auto how : {sim::Interleaving::kCoarse, sim::Interleaving::kFine})
      hammer(shape, 1, how, length);
}

} // namespace

TEST_CASE("hammer: affinity and hotplug", "[storm][C16][C17][C18][C19][C22]") { hammer_everywhere(200_ms); }

TEST_CASE("hammer: affinity and hotplug for a minute", "[.long][C16][C17][C18][C19][C22]") {
  hammer_everywhere(60'000_ms);
}
