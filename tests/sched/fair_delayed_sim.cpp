// SPDX-License-Identifier: Apache-2.0
// Delayed dequeue through the core: what happens to a task that blocked while it owed time (F12, spec 3.8).
#include "tests/sched/fair_sim.hpp"

#include <sched/sched_class.hpp>

using namespace runnel;
using namespace runnel::sched;
using namespace runnel::sched::test;

namespace {

constexpr CpuId kBusy{1};

/// A hog and a task that owes it a millisecond and sleeps, still queued. `then(late, hog)` goes on from
/// there, on CPU 0. The task runs 1 ms each time it is woken by wake_up().
class Late {
 public:
  static void run(const std::function<void(Late&)>& then) {
    sim::Config config;
    config.shape = *sim::parse_shape("2");
    sim::run(config, [&] {
      REQUIRE(sim::set_affinity(sim::self(), CpuMask::of(CpuId{0})).has_value());
      Late late;
      then(late);
    });
  }

  Late()
      : tasks({{.slice = 3_ms}, {.slice = 3_ms}}, CpuMask::of(kBusy), [this](usize i) {
          if (i == 1) sim::compute(1000_s);
          for (;;) {
            sim::compute(1_ms);
            ++rounds;
            const u32 seen = wakes;
            sim::wait_until([this, seen] { return wakes != seen; });
          }
        }) {
    tasks.open();
    while (rounds == 0) sim::sleep(100_us);
    sim::sleep(100_us);
  }
  sim::Task& task() { return tasks[0]; }
  Rq& rq() { return cpu_rq(kBusy); }
  bool wake_up() {
    ++wakes;
    return sim::wake(task());
  }
  void check_counts(u32 queued, u32 runnable) {
    const port::IrqGuard irqs_off;
    const RqLock guard(rq());
    CHECK(rq().fair.nr_queued == queued);
    CHECK(rq().fair.eevdf.nr_queued == queued);
    CHECK(rq().fair.nr_runnable == runnable);
    CHECK(rq().nr_running == queued); // the delayed one counts
  }

  u32 rounds = 0;
  u32 wakes = 0;
  FairTasks tasks;
};

} // namespace

TEST_CASE("a task that blocks while it owes time stays queued until it is picked", "[F12]") {
  Late::run([](Late& late) {
    REQUIRE(late.task().sched_delayed);
    CHECK(late.task().se.vlag < 0);
    CHECK(late.task().is_queued());
    late.check_counts(2, 1);
    sim::sleep(20_ms);
    CHECK(!late.task().sched_delayed);
    CHECK(late.task().on_rq.load() == OnRq::kNo);
    CHECK(late.task().se.vlag == 0); // the debt is paid, and no credit came of it
    late.check_counts(1, 1);
    CHECK(late.wake_up());
    sim::sleep(20_ms);
    CHECK(late.rounds == 2);
  });
}

TEST_CASE("woken early it goes on where it is", "[F12]") {
  Late::run([](Late& late) {
    REQUIRE(late.task().sched_delayed);
    const i64 stored = late.task().se.vlag;
    CHECK(late.wake_up());
    CHECK(!late.task().sched_delayed);
    CHECK(late.task().se.vlag >= stored);
    CHECK(late.task().se.vlag <= 0);
    late.check_counts(2, 2);
    sim::sleep(20_ms);
    CHECK(late.rounds == 2);
  });
}

TEST_CASE("another class takes it off at once", "[F12]") {
  Late::run([](Late& late) {
    REQUIRE(late.task().sched_delayed);
    REQUIRE(sched_setscheduler(late.task(), static_cast<u32>(Policy::kFifo), 10).has_value());
    CHECK(!late.task().sched_delayed);
    CHECK(late.task().on_rq.load() == OnRq::kNo);
    late.check_counts(1, 1);
    const Instant start = sim::now();
    CHECK(late.wake_up());
    while (late.rounds == 1) sim::sleep(50_us);
    CHECK(sim::now() - start < 2_ms); // ahead of the hog
    // And back, asleep, where nothing is delayed.
    sim::sleep(1_ms);
    REQUIRE(sched_setscheduler(late.task(), static_cast<u32>(Policy::kNormal), 0).has_value());
    CHECK(late.wake_up());
    sim::sleep(20_ms);
    CHECK(late.rounds == 3);
  });
}

TEST_CASE("a new nice value keeps it delayed, its debt of service unchanged", "[F12]") {
  Late::run([](Late& late) {
    REQUIRE(late.task().sched_delayed);
    const double owed = static_cast<double>(late.task().se.vlag) * static_cast<double>(late.task().se.weight);
    REQUIRE(set_user_nice(late.task(), 10).has_value());
    REQUIRE(late.task().sched_delayed);
    late.check_counts(2, 1);
    CHECK(late.task().se.weight == 110 * 1024);
    CHECK(static_cast<double>(late.task().se.vlag) * static_cast<double>(late.task().se.weight) ==
          Approx(owed).epsilon(0.25)); // less what it paid off meanwhile
    sim::sleep(200_ms);
    CHECK(!late.task().sched_delayed);
    CHECK(late.wake_up());
    sim::sleep(200_ms);
    CHECK(late.rounds == 2);
  });
}

TEST_CASE("it can be sent to another CPU", "[F12]") {
  Late::run([](Late& late) {
    REQUIRE(late.task().sched_delayed);
    REQUIRE(sim::set_affinity(late.task(), CpuMask::of(CpuId{0})).has_value());
    CHECK(late.wake_up());
    while (late.rounds == 1) sim::sleep(50_us);
    CHECK(late.task().task_cpu() == CpuId{0});
    late.check_counts(1, 1);
  });
}

TEST_CASE("a dying task is never delayed", "[F12]") {
  sim::Config config;
  config.shape = *sim::parse_shape("2");
  sim::run(config, [] {
    REQUIRE(sim::set_affinity(sim::self(), CpuMask::of(CpuId{0})).has_value());
    FairTasks tasks({{.slice = 3_ms}, {.slice = 3_ms}}, CpuMask::of(kBusy),
                    [](usize i) { sim::compute(i == 0 ? 1_ms : 1000_s); });
    tasks.open();
    while (!tasks[0].exited) sim::sleep(100_us);
    sim::sleep(100_us);
    const port::IrqGuard irqs_off;
    const RqLock guard(cpu_rq(kBusy));
    CHECK(cpu_rq(kBusy).fair.nr_queued == 1);
  });
}

TEST_CASE("without DELAY_DEQUEUE it leaves at once and brings its debt back", "[F12]") {
  features.delay_dequeue = false;
  Late::run([](Late& late) {
    CHECK(!late.task().sched_delayed);
    CHECK(late.task().on_rq.load() == OnRq::kNo);
    const i64 stored = late.task().se.vlag;
    CHECK(stored < 0);
    sim::sleep(30_ms);
    CHECK(late.task().se.vlag == stored);
  });
  features.delay_dequeue = true;
}
