// SPDX-License-Identifier: Apache-2.0
// Load averages against the real geometric series (spec 3.12).
#include "sched/balance/pelt.hpp"

#include <catch2/catch.hpp>
#include <cmath>
#include <random>

using namespace runnel;
using namespace runnel::sched;

namespace {

const double y = std::pow(0.5, 1.0 / 32);

/// Decayed microseconds of [from, to) as of `to`, period by period.
double exact(u64 from, u64 to) {
  double sum = 0;
  for (u64 at = from; at < to;) {
    const u64 end = std::min(to, (at / 1024 + 1) * 1024);
    sum += static_cast<double>(end - at) * std::pow(y, static_cast<double>(to / 1024 - at / 1024));
    at = end;
  }
  return sum;
}

} // namespace

TEST_CASE("pelt: decay is y to the power of the periods", "[balance][pelt]") {
  for (u64 n = 0; n < 200; ++n) {
    const u64 value = 1'000'000'000;
    const double want = 1e9 * std::pow(y, static_cast<double>(n));
    CHECK(static_cast<double>(pelt::decay(value, n)) == Approx(want).margin(2).epsilon(1e-6));
  }
  CHECK(pelt::decay(1024, 32) == 512);
  CHECK(pelt::decay(1024, 320) == 1);
  CHECK(pelt::decay(~u64{0}, 5000) == 0);
}

TEST_CASE("pelt: a step adds what the series says", "[balance][pelt]") {
  std::mt19937_64 random(1);
  for (int i = 0; i < 20'000; ++i) {
    const u64 from = random() % 1'000'000;
    const u64 to = from + random() % (i % 3 == 0 ? 1500 : i % 3 == 1 ? 50'000 : 600'000);
    const pelt::Step by = pelt::step(from, to);
    CHECK(by.periods == to / 1024 - from / 1024);
    CHECK(static_cast<double>(by.added) == Approx(exact(from, to)).margin(48)); // kMaxSum is 1 in 1000 low
  }
  CHECK(pelt::step(100, 100).added == 0);
  CHECK(pelt::step(5000, 100).added == 0);
  CHECK(pelt::step(5000, 100).periods == 0);
}

TEST_CASE("pelt: what always was so averages one, and halves 32 periods after it ended", "[balance][pelt]") {
  u64 sum = 0;
  u64 now = 777;
  std::mt19937_64 random(2);
  while (now < 2'000'000) { // however often it is updated
    const u64 next = now + random() % 5000;
    sum = pelt::advance(sum, pelt::step(now, next), 1);
    now = next;
  }
  CHECK(static_cast<double>(sum) / static_cast<double>(pelt::divider(now)) == Approx(1).epsilon(0.003));
  CHECK(sum <= pelt::kMaxSum);
  const u64 later = now + 32 * 1024;
  CHECK(static_cast<double>(pelt::advance(sum, pelt::step(now, later), 0)) ==
        Approx(static_cast<double>(sum) / 2).margin(2));
}

TEST_CASE("pelt: half the time averages one half", "[balance][pelt]") {
  u64 sum = 0;
  u64 now = 0;
  for (int i = 0; i < 4000; ++i) {
    sum = pelt::advance(sum, pelt::step(now, now + 300), i % 2 == 0 ? 1 : 0);
    now += 300;
  }
  CHECK(static_cast<double>(sum) / static_cast<double>(pelt::divider(now)) == Approx(0.5).epsilon(0.02));
}
