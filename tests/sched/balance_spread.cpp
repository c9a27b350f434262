// SPDX-License-Identifier: Apache-2.0
// Fair tasks on several simulated CPUs: no CPU idles for long while another has tasks waiting (spec 3.12,
// F31), and tasks that may not move do not keep the others from moving (F35).
#include "sched/sim/machine.hpp"
#include "tests/sched/balance_replay.hpp"

#include <catch2/catch.hpp>

using namespace runnel;
using namespace runnel::test;

namespace {

/// Two of the longest intervals of the domain that has all CPUs, and the tick that notices.
Duration bound(const sim::Shape& shape) {
  return Duration{4'000'000} * shape.cpus() + sched::port::kTick * 3;
}

sim::Config machine(const char* shape, u64 seed) {
  sim::Config config;
  config.shape = *sim::parse_shape(shape);
  config.seed = seed;
  config.tracing = sim::Tracing::kOn;
  return config;
}

/// Hogs, sleepers and tasks that come and go, more or fewer than there are CPUs.
void mixed_load(u32 tasks) {
  std::vector<sim::TaskRef> all;
  for (u32 i = 0; i < tasks; ++i)
    all.push_back(sim::spawn({.name = "mixed"}, [kind = i % 3] {
      const Instant end = sim::now() + 600_ms;
      while (sim::now().is_before(end)) {
        const auto draw = [](u64 most) {
          return Duration{static_cast<i64>((1 + sim::machine->rng().below(most)) * 1'000'000)};
        };
        sim::compute(draw(kind == 0 ? 200 : kind == 1 ? 20 : 3));
        if (kind != 0) sim::sleep(draw(kind == 1 ? 10 : 30));
      }
    }));
  for (const sim::TaskRef& task : all) sim::join(task);
}

} // namespace

TEST_CASE("balance: no CPU idles long while another has tasks waiting", "[balance][F31]") {
  const char* shape = GENERATE("1x2", "1x4", "2x2x2", "1x8x2/4", "n2:2x4", "n4:4x4", "2x8x2");
  for (u64 seed = 1; seed <= 6; ++seed) {
    const sim::Config config = machine(shape, seed);
    const u32 tasks = static_cast<u32>(config.shape.cpus() * (2 + seed) / 3);
    const sim::Outcome outcome = sim::run(config, [tasks] { mixed_load(tasks); });
    Replay replay(config.shape.cpus());
    replay.feed(outcome.trace);
    INFO(shape << " seed " << seed << ", " << tasks << " tasks: " << replay.where());
    CHECK(Duration{static_cast<i64>(replay.longest_waste())} <= bound(config.shape));
  }
}

TEST_CASE("balance: hogs that all start on one CPU spread over the machine", "[balance][F31]") {
  const char* shape = GENERATE("1x4", "2x2x2", "n2:2x4", "1x8x2/4", "4x8x2");
  const sim::Config config = machine(shape, 3);
  const u32 cpus = config.shape.cpus();
  const sim::Outcome outcome = sim::run(config, [cpus] {
    std::vector<sim::TaskRef> hogs;
    bool go = false;
    for (u32 i = 0; i < cpus; ++i)
      hogs.push_back(sim::spawn({.name = "hog", .cpus = CpuMask::of(CpuId{0})}, [&go] {
        sim::wait_until([&go] { return go; });
        sim::compute(500_ms);
      }));
    sim::sleep(20_ms);
    for (const sim::TaskRef& hog : hogs) REQUIRE(sim::set_affinity(*hog, CpuMask::first(cpus)));
    go = true;
    for (const sim::TaskRef& hog : hogs) sim::wake(*hog);
    for (const sim::TaskRef& hog : hogs) sim::join(hog);
  });
  Replay replay(cpus);
  replay.feed(outcome.trace);
  INFO(shape << ": " << replay.where());
  CHECK(Duration{static_cast<i64>(replay.longest_waste())} <= bound(config.shape));
  for (u32 cpu = 0; cpu < cpus; ++cpu) CHECK(replay.busy()[cpu] > 350'000'000u); // one hog each, most of it
}

TEST_CASE("balance: two hogs on the threads of one core go to two cores", "[balance][F31]") {
  const sim::Config config = machine("1x2x2", 1); // CPUs 0 and 1 are one core
  u32 on_first_core = 0;
  sim::run(config, [&] {
    std::vector<sim::TaskRef> hogs;
    for (u32 i = 0; i < 2; ++i)
      hogs.push_back(
          sim::spawn({.name = "hog", .cpus = CpuMask::from_bits(0b11)}, [] { sim::compute(400_ms); }));
    sim::sleep(20_ms);
    for (const sim::TaskRef& hog : hogs) REQUIRE(sim::set_affinity(*hog, CpuMask::first(4)));
    sim::sleep(150_ms); // nobody waits: a push of a running task is needed, after repeated failures
    for (const sim::TaskRef& hog : hogs) on_first_core += hog->task_cpu().value < 2 ? 1 : 0;
    for (const sim::TaskRef& hog : hogs) sim::join(hog);
  });
  CHECK(on_first_core == 1);
}

TEST_CASE("balance: four pinned tasks on one CPU do not hold four free ones back", "[balance][F35]") {
  const char* shape = GENERATE("1x4", "2x2x2", "n2:4x2", "1x8/2"); // never more than four of the CPUs
  for (u64 seed = 1; seed <= 8; ++seed) {
    const sim::Config config = machine(shape, seed);
    std::map<u32, bool> pinned;
    std::vector<u64> shares;
    const sim::Outcome outcome = sim::run(config, [&] {
      std::vector<sim::TaskRef> tasks;
      for (u32 i = 0; i < 8; ++i) {
        const bool free = i % 2 == 1;
        tasks.push_back(sim::spawn(
            {.name = free ? "free" : "pinned", .cpus = free ? CpuMask::first(4) : CpuMask::of(CpuId{0})},
            [] { sim::compute(10_s); }));
        pinned[tasks.back()->pid] = !free;
      }
      // Half of the seeds begin with the free ones on two CPUs: the idle one has to find them although the
      // one with the most tasks, perhaps in its own core or cache, has none for it.
      if (seed % 2 == 0) {
        const u32 idle = 1 + seed / 2 % 3;
        const CpuMask two = CpuMask::from_bits(0b1110) & ~CpuMask::of(CpuId{idle});
        for (u32 i = 1; i < 8; i += 2)
          REQUIRE(sim::set_affinity(*tasks[i],
                                    CpuMask::of(i < 4 ? two.lowest() : two.next(two.lowest().value + 1))));
        for (u32 i = 1; i < 8; i += 2) REQUIRE(sim::set_affinity(*tasks[i], CpuMask::first(4)));
      }
      sim::sleep(200_ms);
      std::vector<Duration> before;
      for (const sim::TaskRef& task : tasks) before.push_back(sched::task_runtime(*task));
      sim::sleep(1_s);
      for (u32 i = 0; i < 8; ++i)
        shares.push_back(static_cast<u64>((sched::task_runtime(*tasks[i]) - before[i]).ns));
    });
    Replay replay(config.shape.cpus(),
                  [&](u32 pid, u32 cpu) { return cpu == 0 || (cpu < 4 && !pinned[pid]); });
    replay.feed(outcome.trace);
    INFO(shape << " seed " << seed << ": " << replay.where());
    CHECK(Duration{static_cast<i64>(replay.longest_waste())} <= bound(config.shape));
    u64 free_total = 0;
    for (u32 i = 0; i < 8; ++i) {
      CAPTURE(i, shares[i]);
      if (i % 2 == 1) {
        free_total += shares[i];
        CHECK(shares[i] > 450'000'000u); // 3 CPUs for 4 of them: 0.75 s each in the long run
      } else {
        CHECK(shares[i] > 150'000'000u);
      }
    }
    CHECK(free_total > 2'800'000'000u); // CPUs 1 to 3 are theirs
    CHECK(replay.migrations() < 400);   // and they do not run in circles
  }
}
