// SPDX-License-Identifier: Apache-2.0
// The rules of a constant-bandwidth server against exact arithmetic (spec 5.3).
#include "sched/deadline/cbs.hpp"

#include <catch2/catch.hpp>
#include <random>

using namespace runnel;
using namespace runnel::sched;

namespace {

using Wide = __int128;

constexpr u64 kMs = 1'000'000;

struct Random {
  explicit Random(u64 seed) : engine(seed) {}
  u64 between(u64 least, u64 most) { return std::uniform_int_distribution<u64>(least, most)(engine); }
  std::mt19937_64 engine;
};

DlParams random_params(Random& random) {
  DlParams params;
  params.period = random.between(100'000, 4'194'304'000);
  params.deadline = random.between(0, 1) == 0 ? params.period : random.between(50'000, params.period);
  params.runtime = random.between(1024, params.deadline);
  return params;
}

/// Rounds towards minus infinity, as a shift does.
Wide floor_shift(Wide value, u32 bits) {
  return value >= 0 ? value >> bits : -((-value + (Wide{1} << bits) - 1) >> bits);
}

} // namespace

TEST_CASE("wake rules K1 to K3 equal exact arithmetic on truncated times", "[D03]") {
  Random random(1);
  u32 seen[3] = {};
  for (u32 n = 0; n < 200'000; ++n) {
    DlEntity se;
    const DlParams params = random_params(random);
    cbs::set_params(se, params);
    // Times near the wrap as well.
    const u64 now = random.between(0, 1) == 0 ? random.between(0, 1'000'000'000'000)
                                              : ~u64{0} - random.between(0, 4 * se.dl_period);
    const i64 until_deadline =
        static_cast<i64>(random.between(0, 2 * se.dl_deadline)) - static_cast<i64>(se.dl_deadline / 2);
    se.deadline = now + static_cast<u64>(until_deadline);
    se.runtime = static_cast<i64>(random.between(0, 2 * se.dl_runtime)) - static_cast<i64>(se.dl_runtime / 2);
    if (n % 16 == 0)
      se.runtime = static_cast<i64>(Wide(se.dl_runtime) * until_deadline / Wide(se.dl_deadline));

    const bool passed = until_deadline < 0;
    const Wide left = floor_shift(se.runtime, 10) * Wide(se.dl_deadline >> 10);
    const Wide right = floor_shift(until_deadline, 10) * Wide(se.dl_runtime >> 10);
    const bool constrained = se.dl_deadline < se.dl_period;
    const i64 runtime_before = se.runtime;
    const u64 deadline_before = se.deadline;

    const cbs::WakeRule rule = cbs::wake(se, now);
    ++seen[static_cast<u32>(rule)];
    if (!passed && left <= right) { // K3
      REQUIRE(rule == cbs::WakeRule::kKept);
      REQUIRE(se.runtime == runtime_before);
      REQUIRE(se.deadline == deadline_before);
    } else if (!passed && constrained) { // K2
      REQUIRE(rule == cbs::WakeRule::kRevised);
      REQUIRE(se.deadline == deadline_before);
      REQUIRE(Wide(se.runtime) ==
              (Wide(se.dl_runtime) * 1048576 / Wide(se.dl_deadline)) * until_deadline / 1048576);
    } else { // K1
      REQUIRE(rule == cbs::WakeRule::kNewPeriod);
      REQUIRE(se.deadline == now + se.dl_deadline);
      REQUIRE(se.runtime == static_cast<i64>(se.dl_runtime));
    }
  }
  for (const u32 count : seen) CHECK(count > 10'000);
}

TEST_CASE("truncation to 1024 ns decides at the edge", "[D03]") {
  DlEntity se;
  cbs::set_params(se, {.runtime = 10 * 1024, .deadline = 200 * 1024, .period = 200 * 1024, .flags = 0});
  const u64 now = 5'000'000;
  se.deadline = now + 100 * 1024;
  se.runtime = 5 * 1024; // exactly its share of what is left
  CHECK_FALSE(cbs::overflows(se, now));
  se.runtime = 5 * 1024 + 1023; // more, but not by a whole unit
  CHECK_FALSE(cbs::overflows(se, now));
  se.runtime = 6 * 1024;
  CHECK(cbs::overflows(se, now));
  se.runtime = 5 * 1024;
  CHECK(cbs::overflows(se, now + 1)); // one unit less of the time that is left
  se.runtime = -5;
  CHECK_FALSE(cbs::overflows(se, now));
  CHECK_FALSE(cbs::overflows(se, se.deadline));
}

TEST_CASE("a boosted or a deferred entity follows its own variant of K2", "[D03]") {
  DlEntity lender;
  cbs::set_params(lender, {.runtime = 4 * kMs, .deadline = 8 * kMs, .period = 8 * kMs, .flags = 0});
  DlEntity se;
  cbs::set_params(se, {.runtime = 10 * kMs, .deadline = 20 * kMs, .period = 40 * kMs, .flags = 0});
  se.deadline = 15 * kMs;
  se.runtime = 10 * 1'000'000;
  se.pi_se = &lender;
  CHECK(cbs::wake(se, 5 * kMs) == cbs::WakeRule::kNewPeriod); // boosted: with what it was lent
  CHECK(se.deadline == 13 * kMs);
  CHECK(se.runtime == i64{4} * 1'000'000);

  DlEntity server;
  server.server.rq = reinterpret_cast<Rq*>(64);
  cbs::set_params(server, {.runtime = 50 * kMs, .deadline = 1000 * kMs, .period = 1000 * kMs, .flags = 0});
  server.deadline = 500 * kMs;
  server.runtime = 50 * 1'000'000;
  CHECK(cbs::wake(server, 100 * kMs) == cbs::WakeRule::kRevised); // implicit, but a deferred server
  CHECK(server.deadline == 500 * kMs);
  CHECK(server.runtime == static_cast<i64>(server.density * 400 * kMs >> 20));
}

TEST_CASE("K4: only a constrained entity between its deadline and its next period waits", "[D03]") {
  DlEntity se;
  cbs::set_params(se, {.runtime = kMs, .deadline = 4 * kMs, .period = 10 * kMs, .flags = 0});
  se.deadline = 104 * kMs; // instance began at 100
  CHECK(cbs::next_period(se) == 110 * kMs);
  CHECK_FALSE(cbs::must_wait_for_period(se, 103 * kMs));
  CHECK_FALSE(cbs::must_wait_for_period(se, 104 * kMs));
  CHECK(cbs::must_wait_for_period(se, 104 * kMs + 1));
  CHECK(cbs::must_wait_for_period(se, 110 * kMs - 1));
  CHECK_FALSE(cbs::must_wait_for_period(se, 110 * kMs));
  cbs::set_params(se, {.runtime = kMs, .deadline = 10 * kMs, .period = 10 * kMs, .flags = 0});
  CHECK_FALSE(cbs::must_wait_for_period(se, 107 * kMs));
}

TEST_CASE("K7: an overrun of k periods advances the deadline by k + 1", "[D04]") {
  Random random(4);
  for (u32 n = 0; n < 100'000; ++n) {
    DlEntity se;
    cbs::set_params(se, random_params(random));
    const u64 overrun = random.between(0, 20 * se.dl_runtime);
    se.runtime = -static_cast<i64>(overrun);
    se.deadline = random.between(0, 1) == 0 ? 1'000'000'000 : ~u64{0} - se.dl_period;
    se.throttled = true;
    const u64 deadline_before = se.deadline;

    u64 periods = 0; // the rule's own loop
    for (Wide runtime = -Wide(overrun); runtime <= 0; runtime += se.dl_runtime) ++periods;

    REQUIRE(cbs::replenish(se, deadline_before) == cbs::Replenished::kInTime);
    REQUIRE(se.runtime > 0);
    REQUIRE(se.runtime <= static_cast<i64>(se.dl_runtime));
    REQUIRE(se.deadline == deadline_before + periods * se.dl_period);
    REQUIRE(Wide(se.runtime) == Wide(periods) * se.dl_runtime - overrun);
    REQUIRE_FALSE(se.throttled);
  }
}

TEST_CASE("K7: yield forfeits what is left; a late timer starts a new period", "[D04]") {
  DlEntity se;
  cbs::set_params(se, {.runtime = 2 * kMs, .deadline = 10 * kMs, .period = 10 * kMs, .flags = 0});
  se.runtime = 1'500'000;
  se.deadline = 50 * kMs;
  se.yielded = se.throttled = true;
  CHECK(cbs::replenish(se, 50 * kMs) == cbs::Replenished::kInTime);
  CHECK(se.runtime == i64{2} * 1'000'000); // not 3.5 ms
  CHECK(se.deadline == 60 * kMs);
  CHECK_FALSE(se.yielded);

  se.runtime = -100;
  se.deadline = 50 * kMs;
  CHECK(cbs::replenish(se, 60 * kMs) == cbs::Replenished::kInTime); // the new deadline is now, not past
  CHECK(se.deadline == 60 * kMs);
  se.runtime = -100;
  se.deadline = 50 * kMs;
  CHECK(cbs::replenish(se, 75 * kMs) == cbs::Replenished::kLagging);
  CHECK(se.deadline == 85 * kMs);
  CHECK(se.runtime == i64{2} * 1'000'000);
}

TEST_CASE("K7: a task of another class that is boosted gets the lent parameters whole", "[D04]") {
  DlEntity lender;
  cbs::set_params(lender, {.runtime = 4 * kMs, .deadline = 8 * kMs, .period = 8 * kMs, .flags = 0});
  DlEntity se;
  se.pi_se = &lender;
  cbs::replenish(se, 100 * kMs);
  CHECK(se.runtime == i64{4} * 1'000'000);
  CHECK(se.deadline == 108 * kMs);
}

TEST_CASE("a loan is a fresh instance; what was used of it is missing from the own one", "[D31]") {
  DlEntity lender;
  cbs::set_params(lender, {.runtime = 4 * kMs, .deadline = 8 * kMs, .period = 8 * kMs, .flags = 0});
  DlEntity se;
  cbs::set_params(se, {.runtime = 10 * kMs, .deadline = 40 * kMs, .period = 40 * kMs, .flags = 0});
  se.deadline = 140 * kMs;
  se.runtime = 3'000'000;
  const u64 zero_lag = cbs::zero_lag_time(se);

  se.pi_se = &lender;
  cbs::borrow(se, 100 * kMs);
  CHECK(se.deadline == 108 * kMs);
  CHECK(se.runtime == 4'000'000);
  CHECK(cbs::zero_lag_time(se) == zero_lag); // of its own instance
  cbs::borrow(se, 105 * kMs);                // of somebody else
  CHECK(se.deadline == 113 * kMs);
  CHECK(cbs::zero_lag_time(se) == zero_lag);

  se.own_runtime -= 1'000'000; // as the charge does
  se.pi_se = &se;
  cbs::give_back(se);
  CHECK(se.deadline == 140 * kMs);
  CHECK(se.runtime == 2'000'000);
  CHECK_FALSE(se.throttled);

  se.pi_se = &lender;
  cbs::borrow(se, 138 * kMs);
  se.own_runtime = -1;
  se.pi_se = &se;
  cbs::give_back(se);
  CHECK(se.throttled); // waits for its period as if it had never borrowed
}

TEST_CASE("a loan does not give back what a yield gave up", "[D16][D31]") {
  DlEntity lender;
  cbs::set_params(lender, {.runtime = 4 * kMs, .deadline = 8 * kMs, .period = 8 * kMs, .flags = 0});
  DlEntity se;
  cbs::set_params(se, {.runtime = 10 * kMs, .deadline = 40 * kMs, .period = 40 * kMs, .flags = 0});
  se.deadline = 140 * kMs;
  se.runtime = 3'000'000;
  se.yielded = se.throttled = true;
  se.pi_se = &lender;
  cbs::borrow(se, 100 * kMs);
  CHECK_FALSE(se.yielded);
  se.pi_se = &se;
  cbs::give_back(se);
  CHECK(se.runtime == 0);
  CHECK(se.throttled);
}

TEST_CASE("0-lag time is exact for the largest parameters", "[D05]") {
  Random random(5);
  for (u32 n = 0; n < 100'000; ++n) {
    DlEntity se;
    cbs::set_params(se, random_params(random));
    se.deadline = 1'000'000'000'000;
    se.runtime = static_cast<i64>(random.between(0, 2 * se.dl_runtime)) - static_cast<i64>(se.dl_runtime);
    const Wide lasts = Wide(se.runtime) * Wide(se.dl_period) / Wide(se.dl_runtime);
    REQUIRE(Wide(cbs::zero_lag_time(se)) == Wide(se.deadline) - lasts);
  }
  CHECK(cbs::mul_div(~u64{0}, ~u64{0}, ~u64{0}) == ~u64{0});
  CHECK(cbs::mul_div(~u64{0}, 3, 4) == static_cast<u64>(Wide(~u64{0}) * 3 / 4));
}

namespace {

/// The rules a constrained task may be driven by: ours, or one with a rule left out.
enum class Rules { kAll, kWithoutRevised, kWithoutWaiting };

/// Most that a task of 4 ms in 10, period 40, which sleeps and wakes at random on a free CPU, gets in the
/// time between one full runtime and the earliest moment of the next.
u64 most_in_a_period(Rules rules, u64 seed) {
  Random random(seed);
  DlEntity se;
  cbs::set_params(se, {.runtime = 4 * kMs, .deadline = 10 * kMs, .period = 40 * kMs, .flags = 0});
  u64 now = 1000 * kMs;
  std::vector<std::pair<u64, u64>> stints; // begin and length of each stay on the CPU
  u64 most = 0;
  for (u32 n = 0; n < 400; ++n) {
    now += random.between(0, 14 * kMs);
    if (rules != Rules::kWithoutWaiting && cbs::must_wait_for_period(se, now)) {
      now = cbs::next_period(se);
      if (se.runtime > 0) se.runtime = 0;
      cbs::replenish(se, now);
    } else if (rules == Rules::kWithoutRevised && !dl_before(se.deadline, now) && cbs::overflows(se, now)) {
      cbs::new_period(se, now);
    } else {
      cbs::wake(se, now);
    }
    const u64 wants = random.between(1, 6 * kMs);
    const u64 gets = std::min(wants, static_cast<u64>(std::max<i64>(se.runtime, 0)));
    se.runtime -= static_cast<i64>(gets);
    stints.emplace_back(now, gets);
    now += gets;
    if (se.runtime <= 0) { // throttled: it sleeps until it may run again
      now = std::max(now, cbs::next_period(se));
      cbs::replenish(se, now);
    }
    u64 in_window = 0;
    for (const auto& [begin, length] : stints)
      if (begin + 40 * kMs > stints.back().first + stints.back().second) in_window += length;
    most = std::max(most, in_window);
  }
  return most;
}

} // namespace

TEST_CASE("a constrained task that sleeps past its deadline gets its runtime a period, by K2 and K4",
          "[D15]") {
  u64 without_revised = 0;
  u64 without_waiting = 0;
  for (u64 seed = 1; seed <= 200; ++seed) {
    INFO("seed " << seed);
    // Any window as long as a period may see the end of one instance and the begin of the next.
    CHECK(most_in_a_period(Rules::kAll, seed) <= 8 * kMs);
    without_revised = std::max(without_revised, most_in_a_period(Rules::kWithoutRevised, seed));
    without_waiting = std::max(without_waiting, most_in_a_period(Rules::kWithoutWaiting, seed));
  }
  CHECK(without_revised > 8 * kMs); // each rule is needed
  CHECK(without_waiting > 8 * kMs);
}
