// SPDX-License-Identifier: Apache-2.0
// Balancing and CPUs that come and go (spec 1.20, 3.12): who returns is filled again as before, and while one
// is away the others are balanced as a machine without it.
#include "sched/sim/hotplug.hpp"
#include "sched/sim/machine.hpp"
#include "tests/sched/balance_replay.hpp"

#include <catch2/catch.hpp>

using namespace runnel;
using namespace runnel::test;

TEST_CASE("balance: a CPU that was away takes its part again", "[balance][F31][C23]") {
  const char* shape = GENERATE("1x2", "1x4", "2x2x2", "n2:2x4", "1x8x2/4");
  for (u64 seed = 1; seed <= 4; ++seed) {
    sim::Config config;
    config.shape = *sim::parse_shape(shape);
    config.seed = seed;
    config.tracing = sim::Tracing::kOn;
    const u32 cpus = config.shape.cpus();
    std::vector<u64> moments; // down, about to come up, evened out, end
    const CpuId away{1 + static_cast<u32>(seed) % (cpus - 1)};
    const sim::Outcome outcome = sim::run(config, [&] {
      std::vector<sim::TaskRef> hogs;
      const auto start = [&](CpuMask on) {
        hogs.push_back(sim::spawn({.name = "hog", .cpus = on}, [] { sim::compute(600_ms); }));
      };
      REQUIRE(sim::set_affinity(sim::self(), CpuMask::of(CpuId{0})));
      sim::sleep(5_ms);
      REQUIRE(sim::cpu_down(away));
      moments.push_back(sim::now().ns);
      // Two wait for each other on CPU 0; one of the others idles and, asked for help, looks at all CPUs.
      for (u32 i = 0; i < 2; ++i) start(CpuMask::of(CpuId{0}));
      for (u32 i = 3; i < cpus; ++i) start(CpuMask::first(cpus));
      sim::sleep(200_ms);
      moments.push_back(sim::now().ns);
      if (cpus > 2) start(CpuMask::first(cpus));
      sim::sleep(1_ms);
      REQUIRE(sim::cpu_up(away));
      for (const sim::TaskRef& hog : hogs) // what began while it was away did not have it among its CPUs
        REQUIRE(sim::set_affinity(*hog, CpuMask::first(cpus)));
      sim::sleep(Duration{4'000'000} * cpus + 20_ms);
      moments.push_back(sim::now().ns);
      sim::sleep(100_ms);
      moments.push_back(sim::now().ns);
      for (const sim::TaskRef& hog : hogs) sim::join(hog);
    });
    INFO(shape << " seed " << seed << ", cpu " << away.value << " was away");
    Replay replay(cpus);
    std::vector<std::vector<u64>> busy; // by moment, by CPU
    for (const trace::Event& e : outcome.trace) {
      while (busy.size() < moments.size() && e.time_ns > moments[busy.size()]) {
        replay.pass_time(moments[busy.size()]);
        busy.push_back(replay.busy());
      }
      replay.feed(e);
    }
    REQUIRE(busy.size() == 4);
    for (u32 cpu = 0; cpu < cpus; ++cpu) {
      CAPTURE(cpu);
      if (cpu == away.value) CHECK(busy[1][cpu] == busy[0][cpu]);
      CHECK(busy[3][cpu] - busy[2][cpu] > 80'000'000);
    }
  }
}
