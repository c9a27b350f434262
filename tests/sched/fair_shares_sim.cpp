// SPDX-License-Identifier: Apache-2.0
// Shares and waits of the fair class on the simulated machine, in the full windows of the catalogue (F16 to
// F23).
#include "sched/fair/weights.hpp"
#include "tests/sched/fair_sim.hpp"

using namespace runnel;
using namespace runnel::sched;
using namespace runnel::sched::test;

namespace {

constexpr Duration kSlack = 50_us; // e: an IPI, a switch

Duration bound_for(FairTasks& tasks) {
  u64 longest = 0;
  for (usize i = 0; i < tasks.size(); ++i) longest = std::max(longest, fair_slice(tasks[i]));
  return Duration{static_cast<i64>(longest)} + port::kTick + kSlack;
}

/// Hogs with `params` on CPU 1 for `window`: each gets weight / W, within FB3. What they got, in ns.
std::vector<double> shares(const std::vector<FairParams>& params, Duration window) {
  std::vector<double> got;
  sim::Config config;
  config.shape = *sim::parse_shape("2");
  sim::run(config, [&] {
    REQUIRE(sim::set_affinity(sim::self(), CpuMask::of(CpuId{0})).has_value());
    FairTasks hogs(params, CpuMask::of(CpuId{1}), [&](usize) { sim::compute(window * 2); });
    hogs.open();
    sim::sleep(100_ms);
    const std::vector<Duration> before = hogs.runtimes();
    const Instant start = sim::now();
    sim::sleep(window);
    const std::vector<Duration> after = hogs.runtimes();
    const Duration time = sim::now() - start;
    double weights = 0;
    for (const FairParams& p : params)
      weights += static_cast<double>(weight_of(p.policy, nice_to_prio(p.nice)));
    const Duration bound = bound_for(hogs) * 2;
    for (usize i = 0; i < params.size(); ++i) {
      const double share =
          static_cast<double>(weight_of(params[i].policy, nice_to_prio(params[i].nice))) / weights;
      const double ran = static_cast<double>((after[i] - before[i]).ns);
      CAPTURE(i, params[i].nice, share, ran);
      CHECK(std::abs(ran - share * static_cast<double>(time.ns)) <= static_cast<double>(bound.ns));
      got.push_back(ran);
    }
  });
  return got;
}

} // namespace

TEST_CASE("two equal hogs, 10 s", "[F16]") { shares({{}, {}}, 10_s); }

TEST_CASE("nice 0 against 5, 10 s: 75.35 to 24.65", "[F17]") {
  const std::vector<double> got = shares({{.nice = 0}, {.nice = 5}}, 10_s);
  CHECK(got[0] / (got[0] + got[1]) == Approx(0.7535).margin(0.002));
}

TEST_CASE("nice 0 against 1, 10 s: 55.53 to 44.47", "[F18]") {
  const std::vector<double> got = shares({{.nice = 0}, {.nice = 1}}, 10_s);
  CHECK(got[0] / (got[0] + got[1]) == Approx(0.5553).margin(0.002));
}

TEST_CASE("nice 0 against SCHED_IDLE, 10 s: 0.29 %, but not nothing", "[F19]") {
  CHECK(shares({{}, {.policy = Policy::kIdle}}, 10_s)[1] > 0);
}

TEST_CASE("nice -20 against 19, 60 s: the light one progresses", "[F20]") {
  CHECK(shares({{.nice = -20}, {.nice = 19}}, 60_s)[1] > 0);
}

TEST_CASE("a hundred hogs on four CPUs, 20 s: the least has 0.9 of the most", "[F21]") {
  sim::Config config;
  config.shape = *sim::parse_shape("4");
  sim::run(config, [&] {
    std::vector<sim::TaskRef> hogs;
    for (u32 i = 0; i < 100; ++i) hogs.push_back(sim::spawn({}, [] { sim::compute(100_s); }));
    sim::sleep(20_s);
    Duration least = 1000_s;
    Duration most;
    for (const sim::TaskRef& hog : hogs) {
      const Duration ran = task_runtime(*hog);
      least = std::min(least, ran);
      most = std::max(most, ran);
    }
    CAPTURE(least.ns, most.ns);
    CHECK(least.ns * 10 >= most.ns * 9);
  });
}

namespace {

/// Waits of a task that runs `demand` every `period` among hogs; sorted.
struct Waits {
  std::vector<i64> sorted;
  u32 late = 0;
  Duration bound;
};
Waits waits_of(const FairParams& sleeper, Duration demand, Duration period,
               const std::vector<FairParams>& others) {
  Waits waits;
  sim::Config config;
  config.shape = *sim::parse_shape("2");
  sim::run(config, [&] {
    REQUIRE(sim::set_affinity(sim::self(), CpuMask::of(CpuId{0})).has_value());
    FairTasks hogs(others, CpuMask::of(CpuId{1}), [](usize) { sim::compute(100_s); });
    FairTasks one({sleeper}, CpuMask::of(CpuId{1}), [&](usize) {
      Instant next = sim::now();
      for (u32 i = 0; i < 400; ++i) {
        next = next + period;
        sim::sleep(next - sim::now());
        waits.sorted.push_back((sim::now() - sim::self().stats.last_wakeup).ns);
        sim::compute(demand);
        waits.late += sim::now().is_after(next + period);
      }
    });
    hogs.open();
    one.open();
    one.join();
    waits.bound = bound_for(hogs);
  });
  std::sort(waits.sorted.begin(), waits.sorted.end());
  return waits;
}

} // namespace

TEST_CASE("a sleeper that asks for a tenth gets it", "[F22]") {
  // The period is prime to the tick, so that wake-ups fall everywhere between two ticks. r_max + T + e is
  // what most waits keep; with ticks longer than requests, whose leftovers then each cost a tick, it is no
  // bound for all: each of the others may have the earlier deadline once.
  for (const Duration slice : {Duration{}, 500_us}) {
    const Waits waits = waits_of({.slice = slice}, 2_ms, 19_ms + 37_us, {{}, {}, {}});
    const i64 median = waits.sorted[waits.sorted.size() / 2];
    CAPTURE(slice.ns, waits.bound.ns, median, waits.sorted.back());
    CHECK(waits.late == 0);
    CHECK(median <= waits.bound.ns);
    CHECK(waits.sorted.back() <= waits.bound.ns * 3);
  }
}

TEST_CASE("a slice of 0.1 ms among four of 3 ms runs soon", "[F23]") {
  const FairParams hog{.slice = 3_ms};
  const Waits waits = waits_of({.slice = 100_us}, 50_us, 7_ms + 37_us, {hog, hog, hog, hog});
  CHECK(waits.sorted[waits.sorted.size() / 2] <= port::kTick.ns);
  CHECK(waits.sorted.back() <= (waits.bound + port::kTick).ns); // as above: a leftover costs a tick
}

TEST_CASE("HRTICK: stints end with the request, and FB3 holds without a tick", "[F14][F15]") {
  features.hrtick = true;
  sim::Config config;
  config.shape = *sim::parse_shape("2");
  sim::run(config, [] {
    REQUIRE(sim::set_affinity(sim::self(), CpuMask::of(CpuId{0})).has_value());
    const std::vector<FairParams> params = {
        {.nice = 0}, {.nice = -5, .slice = 3_ms}, {.nice = 5}, {.nice = 10}};
    FairTasks hogs(params, CpuMask::of(CpuId{1}), [](usize) { sim::compute(1000_s); });
    hogs.open();
    sim::sleep(100_ms);
    const std::vector<Duration> before = hogs.runtimes();
    const Instant start = sim::now();
    const u64 switches = cpu_stats(CpuId{1}).nr_switches;
    double weights = 0;
    for (const FairParams& p : params) weights += static_cast<double>(weight_of_nice(p.nice));
    const double bound = static_cast<double>(2 * (3_ms + kSlack).ns);
    for (u32 n = 0; n < 100; ++n) {
      sim::sleep(97_ms);
      const std::vector<Duration> after = hogs.runtimes();
      for (usize i = 0; i < params.size(); ++i) {
        const double share = static_cast<double>(weight_of_nice(params[i].nice)) / weights;
        const double due = share * static_cast<double>((sim::now() - start).ns);
        CAPTURE(n, i, due);
        CHECK(std::abs(static_cast<double>((after[i] - before[i]).ns) - due) <= bound);
      }
    }
    // The heavy one has most of the time, in stints of no more than the smallest slice.
    const i64 stints = static_cast<i64>(cpu_stats(CpuId{1}).nr_switches - switches);
    CHECK(stints >= (sim::now() - start).ns / port::kTick.ns);
  });
  features.hrtick = false;
}
