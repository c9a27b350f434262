// SPDX-License-Identifier: Apache-2.0
// CPUs that idle for less than a tick at a time: they have their turn at balancing when their domain is due
// (spec 3.12 periodic, idle tickless), and the ticks that fall on them while they are busy (spec 1.13).
#include "sched/sim/machine.hpp"

#include <catch2/catch.hpp>
#include <sched/topology.hpp>

using namespace runnel;

namespace {

sim::Outcome on(const char* shape, u64 seed, const std::function<void()>& body) {
  sim::Config config;
  config.shape = *sim::parse_shape(shape);
  config.seed = seed;
  return sim::run(config, body);
}

/// Runs and sleeps by turns on CPU 0.
sim::TaskRef spawn_pinned(Duration run, Duration rest, Instant until) {
  return sim::spawn({.name = "pinned", .cpus = CpuMask::of(CpuId{0})}, [=] {
    while (sim::now().is_before(until)) {
      sim::compute(run);
      sim::sleep(rest);
    }
  });
}

} // namespace

TEST_CASE("balance: a CPU that idles for moments does not stay idle while others have tasks waiting",
          "[balance][F31]") {
  const char* shape = GENERATE("1x2", "1x4");
  const Duration rest = GENERATE(1'300_us, 2'700_us, 3'700_us);
  for (u64 seed = 1; seed <= 4; ++seed) {
    u64 least = ~u64{0}, most = 0;
    on(shape, seed, [&] {
      const u32 cpus = sched::port::possible_cpus().count();
      // What is tried here is the turn of an idle CPU, not the moment in which it becomes idle.
      sched::cpu_domains(CpuId{0}).lowest->flags &= ~u32{sched::kSdNewidle};
      const sim::TaskRef pinned = spawn_pinned(1_ms, rest, sim::now() + 600_ms);
      const CpuMask others = CpuMask::first(cpus) & ~CpuMask::of(CpuId{0});
      std::vector<sim::TaskRef> hogs;
      for (u32 i = 0; i < cpus; ++i)
        hogs.push_back(sim::spawn({.name = "hog", .cpus = others}, [] { sim::compute(500_ms); }));
      sim::sleep(50_ms);
      for (const sim::TaskRef& hog : hogs) REQUIRE(sim::set_affinity(*hog, CpuMask::first(cpus)));
      sim::sleep(sched::port::kTick * 10); // intervals of at most 2 ms a CPU, a warm cache twice
      std::vector<Duration> idle;
      for (u32 cpu = 0; cpu < cpus; ++cpu) idle.push_back(sched::cpu_stats(CpuId{cpu}).idle_time);
      constexpr Duration kWatched = 200_ms;
      sim::sleep(kWatched);
      for (u32 cpu = 0; cpu < cpus; ++cpu) {
        const Duration busy = kWatched - (sched::cpu_stats(CpuId{cpu}).idle_time - idle[cpu]);
        least = std::min(least, static_cast<u64>(busy.ns));
        most = std::max(most, static_cast<u64>(busy.ns));
      }
      for (const sim::TaskRef& hog : hogs) sim::join(hog);
      sim::join(pinned);
    });
    CAPTURE(shape, rest.ns, seed, least, most);
    CHECK(least * 100 >= most * 85);
  }
}

TEST_CASE("core: ticks come when they are due, however often the CPU has been idle in between", "[C25]") {
  const sim::Outcome outcome =
      on("1", 1, [] { sim::join(spawn_pinned(2'830_us, 100_us, sim::now() + 400_ms)); });
  CHECK(outcome.counters.ticks >= 93); // of 100, less those that fell on an idle moment: one in 30
  CHECK(outcome.counters.ticks <= 101);
}
