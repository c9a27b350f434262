// SPDX-License-Identifier: Apache-2.0
// Deadline tasks that lend to the owner of a mutex, on the simulated machine (spec 5.9, D31). The machine
// itself checks the sums and global EDF at every rest (D05, D35).
#include "tests/sched/dl_sim.hpp"

#include <sched/mutex.hpp>

using namespace runnel;

namespace {

sim::Config one_cpu() {
  sim::Config config;
  config.shape = *sim::parse_shape("1x1x1");
  return config;
}

u64 total_bw() { return sched::dl_limit().total_bw; }

/// A deadline task of 4 ms in 20 that wants `mutex` at `when` and holds it for no time.
sim::TaskRef spawn_waiter(sched::Mutex& mutex, Duration when, Instant* got) {
  const sim::TaskOptions options{
      .policy = sched::Policy::kDeadline, .runtime = 4_ms, .deadline = 20_ms, .period = 20_ms};
  return sim::spawn(options, [&mutex, when, got] {
    sim::sleep(when);
    REQUIRE(mutex.lock().has_value());
    *got = sim::now();
    mutex.unlock();
  });
}

} // namespace

TEST_CASE("a fair owner runs by the waiter's deadline and has its own class back afterwards", "[D31]") {
  sim::run(one_cpu(), [] {
    sched::Mutex mutex;
    Instant got;
    bool lent = false;
    bool stop = false;
    const sim::TaskRef owner = sim::spawn({}, [&] {
      REQUIRE(mutex.lock().has_value());
      sim::compute(3_ms);
      lent = sim::self().sched_class == &sched::dl_sched_class && sim::self().dl.is_queued();
      mutex.unlock();
      CHECK(sim::self().sched_class == &sched::fair_sched_class);
      CHECK_FALSE(sim::self().dl.is_boosted());
      CHECK_FALSE(sim::self().dl.throttled);
      stop = true;
    });
    const Instant start = sim::now();
    const sim::TaskRef waiter = spawn_waiter(mutex, 1_ms, &got);
    const sim::TaskRef hog = sim::spawn({.policy = sched::Policy::kFifo, .rt_priority = 50}, [&] {
      sim::sleep(500_us);
      while (!stop) sim::compute(100_us);
    });
    for (const sim::TaskRef& task : {owner, waiter, hog}) sim::join(task);
    CHECK(lent);
    CHECK((got - start).ns < (4_ms).ns); // the hog got nothing in between
  });
}

TEST_CASE("a throttled owner runs by a loan; afterwards it waits for its own period", "[D31]") {
  sim::run(one_cpu(), [] {
    sched::Mutex mutex;
    Instant got;
    Instant resumed;
    u64 own_deadline = 0;
    const Instant start = sim::now();
    const sim::TaskRef owner = sim::spawn({}, [&] {
      REQUIRE(sim::set_deadline(sim::self(), 2_ms, 100_ms, 100_ms).has_value());
      own_deadline = sim::self().dl.deadline;
      REQUIRE(mutex.lock().has_value());
      sim::compute(4_ms); // throttled after 2 until somebody waits
      CHECK(sim::self().dl.is_boosted());
      CHECK(sched::dl_before(sim::self().dl.deadline, own_deadline));
      mutex.unlock();
      sim::compute(10_us);
      resumed = sim::now();
      CHECK(sim::self().dl.deadline == own_deadline + 2 * u64((100_ms).ns)); // K7: 4 ms used of 2 in 100
    });
    const sim::TaskRef waiter = spawn_waiter(mutex, 10_ms, &got);
    for (const sim::TaskRef& task : {owner, waiter}) sim::join(task);
    CHECK((got - start).ns >= (12_ms).ns);
    CHECK((got - start).ns < (13_ms).ns);
    CHECK(resumed.ns - own_deadline < u64((1_ms).ns));
  });
}

TEST_CASE("a share that is held until its 0-lag time is held once, lent to or not", "[D19][D31]") {
  for (const bool leaves_first : {true, false}) {
    sim::run(one_cpu(), [&] {
      sched::Mutex mutex;
      Instant got;
      const u64 servers = total_bw();
      const u64 own = (u64{5} << 20) / 100;
      const u64 waiters = (u64{4} << 20) / 20;
      const sim::TaskRef owner = sim::spawn({}, [&] {
        REQUIRE(sim::set_deadline(sim::self(), 5_ms, 100_ms, 100_ms).has_value());
        REQUIRE(mutex.lock().has_value());
        sim::compute(1_ms); // 4 ms are left at 1/20: 0-lag is 20 ms after the begin of the instance
        if (leaves_first) REQUIRE(sim::set_normal(sim::self()).has_value());
        sim::compute(3_ms);
        CHECK(sim::self().dl.is_boosted());
        if (!leaves_first) REQUIRE(sim::set_normal(sim::self()).has_value());
        CHECK(sim::self().dl.is_boosted()); // all the same
        CHECK(sim::self().dl.is_queued());
        CHECK(total_bw() == servers + own + waiters);
        sim::compute(1_ms);
        mutex.unlock();
        CHECK(sim::self().sched_class == &sched::fair_sched_class);
        CHECK(total_bw() == servers + own); // the waiter had its turn and is gone
      });
      const sim::TaskRef waiter = spawn_waiter(mutex, 2_ms, &got);
      sim::sleep(10_ms);
      CHECK(total_bw() == servers + own);
      sim::sleep(95_ms); // past any 0-lag time
      CHECK(total_bw() == servers);
      for (const sim::TaskRef& task : {owner, waiter}) sim::join(task);
    });
  }
}

TEST_CASE("a boosted owner that becomes a deadline task itself counts once", "[D05][D31]") {
  sim::run(one_cpu(), [] {
    sched::Mutex mutex;
    Instant got;
    const u64 servers = total_bw();
    const sim::TaskRef owner = sim::spawn({}, [&] {
      REQUIRE(mutex.lock().has_value());
      sim::sleep(5_ms); // asleep when it is lent to
      CHECK(sim::self().dl.is_boosted());
      sim::sleep(5_ms); // and when it gets a share of its own
      CHECK(sim::self().policy == sched::Policy::kDeadline);
      CHECK(total_bw() > servers + (u64{4} << 20) / 20);
      mutex.unlock();
      CHECK_FALSE(sim::self().dl.is_boosted());
      sim::compute(1_ms);
    });
    const sim::TaskRef waiter = spawn_waiter(mutex, 2_ms, &got);
    sim::sleep(7_ms);
    REQUIRE(sim::set_deadline(*owner, 10_ms, 100_ms, 100_ms).has_value());
    for (const sim::TaskRef& task : {owner, waiter}) sim::join(task);
    sim::sleep(200_ms);
    CHECK(total_bw() == servers);
  });
}

TEST_CASE("leaving the class and coming back gives no runtime back", "[D19][D30]") {
  for (const bool lent_meanwhile : {false, true}) {
    sim::run(one_cpu(), [&] {
      sched::Mutex mutex;
      Instant got;
      const Instant start = sim::now();
      const sim::TaskRef cheat = sim::spawn({}, [&] {
        const auto enter = [] { REQUIRE(sim::set_deadline(sim::self(), 2_ms, 100_ms, 100_ms).has_value()); };
        enter();
        if (lent_meanwhile) REQUIRE(mutex.lock().has_value());
        const u64 deadline = sim::self().dl.deadline;
        sim::compute(1900_us);
        REQUIRE(sim::set_normal(sim::self()).has_value());
        if (lent_meanwhile) {
          sim::compute(2_ms);
          mutex.unlock();
        }
        enter();
        CHECK(sim::self().dl.deadline == deadline);
        sim::compute(1_ms); // 100 us are left
        CHECK(sched::dl_before(deadline, sim::self().dl.deadline));
        CHECK((sim::now() - start).ns >= (100_ms).ns);
      });
      const sim::TaskRef waiter = lent_meanwhile ? spawn_waiter(mutex, 3_ms, &got) : sim::TaskRef{};
      sim::join(cheat);
      if (lent_meanwhile) sim::join(waiter);
    });
  }
}
