// SPDX-License-Identifier: Apache-2.0
// What sched_getattr tells of a deadline task's instance while the task runs, migrates and is throttled
// (spec 5.10 DL_DYNAMIC, D36), and unplugging under admitted bandwidth (C23).
#include "sched/sim/hotplug.hpp"
#include "tests/sched/dl_sim.hpp"

using namespace runnel;

namespace {

constexpr u32 kHogs = 4;
constexpr u64 kPeriods[kHogs] = {5'000'000, 7'000'000, 9'000'000, 11'000'000}; // of each 0.4: 1.6 of two CPUs
constexpr u64 runtime_of(u64 period) { return period * 4 / 10; }

/// How much a task that never sleeps has consumed since some moment, by its instance: each period that went
/// by gave it its runtime once.
i64 consumed(i64 runtime, u64 deadline, u64 period) {
  const u64 periods = (deadline + period / 2) / period; // of deadlines that are exact to some microseconds
  return static_cast<i64>(periods * runtime_of(period)) - runtime;
}

struct Samples {
  u32 taken = 0;
  u32 torn = 0;
};

/// Hogs that migrate among two CPUs are queried by `read` at random moments: of how many answers runtime and
/// deadline do not fit each other?
template <typename Read> Samples query_migrating_hogs(u64 seed, Read read) {
  Samples samples;
  sim::Config config;
  config.seed = seed;
  config.shape = *sim::parse_shape("1x2x1");
  config.interleaving = sim::Interleaving::kFine;
  sim::run(config, [&] {
    bool stop = false;
    std::vector<sim::TaskRef> hogs;
    std::vector<i64> base; // consumed() minus what the task was charged in all
    for (u32 i = 0; i < kHogs; ++i)
      hogs.push_back(sim::spawn({}, [&stop] {
        while (!stop) sim::compute(50_us);
      }));
    u64 migrations = 0;
    const sim::TaskRef asker = sim::spawn({.policy = sched::Policy::kFifo, .rt_priority = 90}, [&] {
      sim::Rng& rng = sim::machine->rng();
      for (u32 i = 0; i < kHogs; ++i) {
        const Duration period{static_cast<i64>(kPeriods[i])};
        REQUIRE(sim::set_deadline(*hogs[i], period * 4 / 10, period, period).has_value());
      }
      sim::sleep(20_ms);
      // Deadlines are counted from that of the first answer, in the middle of a period.
      std::vector<u64> origin;
      for (u32 i = 0; i < kHogs; ++i) {
        const auto first = *sched::sched_getattr(*hogs[i], sched::kSchedGetattrFlagDlDynamic);
        origin.push_back(first.deadline - 2 * kPeriods[i]);
        base.push_back(
            consumed(static_cast<i64>(first.runtime), first.deadline - origin.back(), kPeriods[i]) -
            sched::task_runtime(*hogs[i]).ns);
      }
      for (u32 n = 0; n < 400; ++n) {
        sim::sleep(Duration{static_cast<i64>(rng.log_between(1'000, 3'000'000))});
        const u32 which = static_cast<u32>(rng.below(kHogs));
        sim::Task& hog = *hogs[which];
        const i64 before = sched::task_runtime(hog).ns;
        const auto [runtime, deadline] = read(hog);
        const i64 after = sched::task_runtime(hog).ns;
        const i64 at = consumed(runtime, deadline - origin[which], kPeriods[which]) - base[which];
        ++samples.taken;
        // Between the first answer and its task_runtime() the hog may have gone on for a while.
        constexpr i64 kSlack = 200'000;
        if (at < before - kSlack || at > after + kSlack) ++samples.torn;
      }
    });
    sim::join(asker);
    for (const sim::TaskRef& hog : hogs) migrations += hog->stats.nr_migrations;
    CHECK(migrations > 20);
    stop = true;
    for (const sim::TaskRef& hog : hogs) sim::join(hog);
  });
  return samples;
}

} // namespace

TEST_CASE("a dynamic query of a migrating task gives runtime and deadline of one moment", "[D36][D22]") {
  Samples all;
  for (u64 seed = 1; seed <= sim::seeds(6); ++seed) {
    const Samples samples = query_migrating_hogs(seed, [](sim::Task& hog) {
      const auto attr = *sched::sched_getattr(hog, sched::kSchedGetattrFlagDlDynamic);
      return std::pair{static_cast<i64>(attr.runtime), attr.deadline};
    });
    INFO("seed " << seed);
    CHECK(samples.torn == 0);
    all.taken += samples.taken;
  }
  CHECK(all.taken >= 2400);
}

TEST_CASE("the fields read as they lie do not fit each other: the check above sees that", "[D36]") {
  u32 torn = 0;
  for (u64 seed = 1; seed <= 3; ++seed)
    torn += query_migrating_hogs(seed, [](sim::Task& hog) {
              const i64 runtime = hog.dl.runtime; // without the lock over both
              sim::compute(500_us);               // as long as others may hold one up
              return std::pair{runtime, hog.dl.deadline};
            }).torn;
  CHECK(torn > 0);
}

TEST_CASE("a CPU may not go while admitted deadline tasks need it; its servers do not count", "[C23]") {
  sim::Config config;
  config.shape = *sim::parse_shape("1x3x1");
  sim::run(config, [] {
    // Two CPUs hold 2 * 0.95 - 4 * 0.05 = 1.7 beside their servers.
    bool stop = false;
    std::vector<sim::TaskRef> tasks;
    const auto add = [&](Duration runtime) {
      tasks.push_back(sim::spawn({}, [&stop] { sim::wait_until([&stop] { return stop; }); }));
      REQUIRE(sim::set_deadline(*tasks.back(), runtime, 100_ms, 100_ms).has_value());
    };
    add(85_ms);
    add(84_ms);
    REQUIRE(sim::cpu_down(CpuId{2}).has_value()); // 1.69 fit
    REQUIRE(sim::cpu_up(CpuId{2}).has_value());
    add(2_ms);
    const u64 total = sched::dl_limit().total_bw;
    const Result<> refused = sim::cpu_down(CpuId{2}); // 1.71 do not
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error() == Errno::kBUSY);
    CHECK(sched::dl_limit().total_bw == total); // nothing has changed
    CHECK(sim::machine->active().test(CpuId{2}));
    REQUIRE(sim::set_normal(*tasks.back()).has_value());
    sim::sleep(200_ms); // past its 0-lag time
    REQUIRE(sim::cpu_down(CpuId{2}).has_value());
    stop = true;
    for (const sim::TaskRef& task : tasks) {
      sim::wake(*task);
      sim::join(task);
    }
  });
}
