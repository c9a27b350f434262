// SPDX-License-Identifier: Apache-2.0
// The simulated machine notices: every way a body or the scheduler can break the rules ends in a named
// failure.
#include "sched/sim/machine.hpp"

#include <catch2/catch.hpp>
#include <sched/rq.hpp>

using namespace runnel;

namespace {

/// The name of the invariant that fails when `body` runs on `shape`.
std::string fails_with(const char* shape, std::function<void()> body) {
  sim::Config config;
  config.shape = *sim::parse_shape(shape);
  config.time_limit = 10_s;
  try {
    sim::run(config, std::move(body));
  } catch (const sim::Failure& failure) {
    return failure.invariant;
  }
  return "none";
}

void rq_before_pi() NO_THREAD_SAFETY_ANALYSIS {
  const sched::port::IrqGuard irqs_off;
  const sched::port::PreemptGuard no_preempt;
  sched::cpu_rq(CpuId{0}).lock.lock();
  sim::self().pi_lock.lock();
}

void higher_rq_first() NO_THREAD_SAFETY_ANALYSIS { // L2
  const sched::port::IrqGuard irqs_off;
  const sched::port::PreemptGuard no_preempt;
  sched::cpu_rq(CpuId{1}).lock.lock();
  sched::cpu_rq(CpuId{0}).lock.lock_nested();
}

void release_of_a_free_lock() NO_THREAD_SAFETY_ANALYSIS { sim::self().pi_lock.unlock(); }

void lock_with_preemption_on() NO_THREAD_SAFETY_ANALYSIS { sim::self().pi_lock.lock(); }

void take_for_ever(sim::Lock& lock) NO_THREAD_SAFETY_ANALYSIS {
  const sched::port::PreemptGuard no_preempt;
  lock.lock();
  for (;;) sched::port::relax();
}

} // namespace

TEST_CASE("sim: a lock taken against the order is reported", "[C10]") {
  CHECK(fails_with("1x2x1", rq_before_pi) == "C10");
  CHECK(fails_with("1x2x1", higher_rq_first) == "C10");
  CHECK(fails_with("1", release_of_a_free_lock) == "C10");
  CHECK(fails_with("1", lock_with_preemption_on) == "C10");
}

TEST_CASE("sim: task code with preemption or interrupts off is reported", "[C12]") {
  CHECK(fails_with("1", [] {
          sched::port::preempt_disable();
          sim::compute(1_us);
        }) == "C12");
  CHECK(fails_with("1", [] {
          sched::port::irq_disable();
          sim::compute(1_us);
        }) == "C12");
}

TEST_CASE("sim: a machine where everybody sleeps for ever is reported") {
  CHECK(fails_with("1x4x1", [] { sim::wait_until([] { return false; }); }) == "deadlock");
}

TEST_CASE("sim: a sleeper whose condition came true without a wake-up is reported", "[C01]") {
  CHECK(fails_with("1x2x1", [] {
          bool ready = false;
          sim::spawn({}, [&ready] {
            sim::sleep(1_ms);
            ready = true; // and no wake()
          });
          sim::wait_until([&ready] { return ready; });
        }) == "C01");
}

TEST_CASE("sim: a lock that is never released is reported as a livelock") {
  CHECK(fails_with("1x2x1", [] {
          sim::Lock lock{sync::LockRank::kWorkload};
          sim::spawn({.cpus = CpuMask::of(CpuId{1})}, [&lock] { take_for_ever(lock); });
          sim::sleep(1_ms);
          take_for_ever(lock);
        }) == "livelock");
}

TEST_CASE("sim: an exception of a task's body reaches the caller") {
  sim::Config config;
  config.shape = *sim::parse_shape("1x2x1");
  CHECK_THROWS_AS(sim::run(config, [] { throw std::out_of_range("from init"); }), std::out_of_range);
  CHECK_THROWS_AS(sim::run(config,
                           [] {
                             sim::spawn({}, [] { throw std::out_of_range("from a child"); });
                             sim::sleep(1_s);
                           }),
                  std::out_of_range);
}

TEST_CASE("sim: limits of time and steps end a simulation") {
  sim::Config config;
  config.time_limit = 5_ms;
  CHECK_THROWS_AS(sim::run(config, [] { sim::compute(6_ms); }), sim::Failure);
  config.time_limit = 10_s;
  config.step_limit = 100;
  CHECK_THROWS_AS(sim::run(config,
                           [] {
                             for (;;) sim::compute(1_us);
                           }),
                  sim::Failure);
}

TEST_CASE("sim: shapes are read and written") {
  const auto good = [](const char* text, u32 cpus, const char* back) {
    const std::optional<sim::Shape> shape = sim::parse_shape(text);
    REQUIRE(shape);
    CHECK(shape->cpus() == cpus);
    CHECK(sim::to_string(*shape) == back);
    CHECK(sim::parse_shape(back) == shape);
  };
  good("1", 1, "1x1x1");
  good("4", 4, "1x4x1");
  good("2x4", 8, "2x4x1");
  good("2x4x2", 16, "2x4x2");
  good("n2:2x4x2", 16, "n2:2x4x2");
  good("1x16x2/4", 32, "1x16x2/4");
  good("n8:8x64x2/8", 1024, "n8:8x64x2/8");
  for (const char* bad : {"", "0", "x", "2x", "2x0x1", "1x1x1x1", "9x64x2", "n3:2x4", "n0:1", "4/5", "4/",
                          "4 ", "-1", "99999999999", "n2:", "2x4x2/0"})
    CHECK_FALSE(sim::parse_shape(bad));
}

TEST_CASE("sim: a shape tells who shares what") {
  const sim::Shape shape = *sim::parse_shape("n2:4x8x2/4"); // 64 CPUs
  CHECK(shape.core_of(CpuId{0}) == shape.core_of(CpuId{1}));
  CHECK(shape.core_of(CpuId{1}) != shape.core_of(CpuId{2}));
  CHECK(shape.llc_of(CpuId{7}) == 0);
  CHECK(shape.llc_of(CpuId{8}) == 1);
  CHECK(shape.llc_of(CpuId{16}) == 2);
  CHECK(shape.socket_of(CpuId{15}) == 0);
  CHECK(shape.socket_of(CpuId{16}) == 1);
  CHECK(shape.node_of(CpuId{31}) == 0);
  CHECK(shape.node_of(CpuId{32}) == 1);
}
