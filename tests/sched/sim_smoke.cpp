// SPDX-License-Identifier: Apache-2.0
// The simulated machine itself: time passes, tasks run, sleep and end, and a seed determines everything.
#include "sched/sim/machine.hpp"

#include <catch2/catch.hpp>

using namespace runnel;

TEST_CASE("sim: a task computes and sleeps by the virtual clock") {
  for (const char* shape : {"1", "1x2x1", "2x4x2", "n4:8x8x2", "8x64x2"}) {
    sim::Config config;
    config.shape = *sim::parse_shape(shape);
    sim::run(config, [] {
      const Instant start = sim::now();
      sim::compute(3_ms);
      CHECK((sim::now() - start) == 3_ms);
      sim::sleep(5_ms);
      CHECK((sim::now() - start) == 8_ms);
      int done = 0;
      std::vector<sim::TaskRef> tasks;
      for (int i = 0; i < 20; ++i)
        tasks.push_back(sim::spawn({}, [&done] {
          sim::compute(10_ms);
          sim::sleep(1_ms);
          ++done;
        }));
      for (const sim::TaskRef& task : tasks) sim::join(task);
      CHECK(done == 20);
    });
  }
}
