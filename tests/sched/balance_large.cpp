// SPDX-License-Identifier: Apache-2.0
// Balancing on machines larger than any that is booted here (spec 3.12): nobody idles beside waiting tasks
// that may come, whatever their affinity (F31), and unequal loads even out.
#include "sched/sim/machine.hpp"
#include "tests/sched/balance_replay.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <set>

using namespace runnel;
using namespace runnel::test;

namespace {

sim::Config machine(const char* shape, u64 seed) {
  sim::Config config;
  config.shape = *sim::parse_shape(shape);
  config.seed = seed;
  config.tracing = sim::Tracing::kOn;
  return config;
}

/// Twice the longest interval of the domain of all CPUs (2 ms a CPU), and the ticks that notice.
Duration bound(const sim::Shape& shape) {
  return Duration{4'000'000} * shape.cpus() + sched::port::kTick * 3;
}

/// All CPUs, one node's or socket's worth of them, or a few anywhere.
CpuMask random_affinity(sim::Rng& rng, u32 cpus) {
  const u64 kind = rng.below(4);
  if (kind >= 2) return CpuMask::first(cpus);
  CpuMask mask;
  if (kind == 0) {
    const u32 part = cpus / 4;
    const u32 begin = static_cast<u32>(rng.below(4)) * part;
    for (u32 i = 0; i < part; ++i) mask.set(CpuId{begin + i});
  } else {
    for (u32 i = 0; i < 3; ++i) mask.set(CpuId{static_cast<u32>(rng.below(cpus))});
  }
  return mask;
}

} // namespace

TEST_CASE("balance: large machines, tasks of any affinity: no CPU idles long beside work it may have",
          "[balance][F31]") {
  const char* shape = GENERATE("2x4x2", "4x8x2", "n4:8x8", "n4:8x16x2");
  const sim::Config config = machine(shape, 7);
  const u32 cpus = config.shape.cpus();
  std::map<u32, CpuMask> allowed;
  const sim::Outcome outcome = sim::run(config, [&] {
    std::vector<sim::TaskRef> tasks;
    sim::Rng& rng = sim::machine->rng();
    for (u32 i = 0; i < cpus * 5 / 4; ++i) {
      const CpuMask mask = random_affinity(rng, cpus);
      tasks.push_back(sim::spawn({.name = "any", .cpus = mask}, [sleeps = i % 8 == 0, cpus] {
        const Instant end = sim::now() + bound(sim::machine->config().shape) * 3 / 2;
        while (sim::now().is_before(end)) {
          sim::compute(Duration{1'000'000} * (10 + cpus / 4));
          if (sleeps) sim::sleep(5_ms);
        }
      }));
      allowed[tasks.back()->pid] = mask;
    }
    for (const sim::TaskRef& task : tasks) sim::join(task);
  });
  Replay replay(cpus, [&](u32 pid, u32 cpu) {
    const auto at = allowed.find(pid);
    return at == allowed.end() || at->second.test(CpuId{cpu});
  });
  replay.feed(outcome.trace);
  INFO(shape << ": " << replay.where());
  CHECK(Duration{static_cast<i64>(replay.longest_waste())} <= bound(config.shape));
  u64 astray = 0;
  for (const trace::Event& e : outcome.trace)
    if (e.type == trace::EventType::kSchedSwitch)
      if (const auto at = allowed.find(trace::packed_low(e.a)); at != allowed.end())
        astray += at->second.test(CpuId{e.cpu}) ? 0 : 1;
  CHECK(astray == 0);
}

TEST_CASE("balance: twice as many hogs as CPUs, all in one quarter, end up two to a CPU", "[balance][F31]") {
  const char* shape = GENERATE("2x4x2", "n2:2x8", "4x8", "n4:8x4");
  const sim::Config config = machine(shape, 5);
  const u32 cpus = config.shape.cpus();
  const Duration settle = Duration{100'000'000} * cpus; // busy CPUs balance the whole each 16 to 32 ms a CPU
  const sim::Outcome outcome = sim::run(config, [&] {
    std::vector<sim::TaskRef> hogs;
    const CpuMask quarter = CpuMask::first(cpus / 4);
    for (u32 i = 0; i < cpus * 2; ++i)
      hogs.push_back(sim::spawn({.name = "hog", .cpus = quarter}, [] { sim::compute(1000_s); }));
    sim::sleep(20_ms);
    for (const sim::TaskRef& hog : hogs) REQUIRE(sim::set_affinity(*hog, CpuMask::first(cpus)));
    sim::sleep(settle);
  });
  Replay replay(cpus);
  replay.feed(outcome.trace);
  INFO(shape << ": " << replay.where());
  CHECK(Duration{static_cast<i64>(replay.longest_waste())} <= bound(config.shape));
  const auto [fewest, most] = std::minmax_element(replay.tasks().begin(), replay.tasks().end());
  CHECK(*fewest >= 1);
  CHECK(*most <= 3);
  CHECK(replay.migrations() < 40u * cpus); // and then it is quiet
}
