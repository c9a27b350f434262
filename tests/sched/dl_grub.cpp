// SPDX-License-Identifier: Apache-2.0
// Reclamation of unused bandwidth: the charge (spec 5.6).
#include "sched/deadline/cbs.hpp"
#include "sched/deadline/grub.hpp"

#include <catch2/catch.hpp>
#include <random>

using namespace runnel;
using namespace runnel::sched;

namespace {

constexpr grub::Limits kDefaults{.max_bw = 996147, .bw_ratio = 269, .extra_bw = 996147};

} // namespace

TEST_CASE("the charge equals the formula and stays between share and whole", "[D07]") {
  std::mt19937_64 random(7);
  const auto draw = [&](u64 most) { return std::uniform_int_distribution<u64>(0, most)(random); };
  u32 own_share = 0;
  u32 more = 0;
  for (u32 n = 0; n < 200'000; ++n) {
    grub::Limits limits = kDefaults;
    if (n % 3 == 0) limits = {.max_bw = u64{1} << 20, .bw_ratio = 256, .extra_bw = 0};
    DlSums sums;
    sums.this_bw = draw(limits.max_bw);
    sums.running_bw = draw(sums.this_bw);
    const u64 bw = draw(limits.max_bw);
    limits.extra_bw = draw(limits.max_bw);
    const u64 delta = draw(100'000'000);
    using Wide = __int128;
    const Wide free = Wide(sums.this_bw - sums.running_bw) + limits.extra_bw;
    const Wide u = free > Wide(limits.max_bw) - bw ? Wide(bw) : Wide(limits.max_bw) - free;
    const u64 wanted = static_cast<u64>(delta * (u * limits.bw_ratio >> 8) >> 20);
    const u64 got = grub::charge(delta, bw, sums, limits);
    REQUIRE(got == wanted);
    REQUIRE(got <= delta);
    REQUIRE(got >= delta * (bw * limits.bw_ratio >> 8) >> 20);
    if (u == Wide(bw))
      ++own_share;
    else
      ++more;
  }
  CHECK(own_share > 1000);
  CHECK(more > 1000);
}

TEST_CASE("a RECLAIM task alone uses what the model says", "[D07]") {
  // (10, 100) ms, nothing else admitted: it is charged at the rate of its own share, 10 % of 1/0.95, and so
  // runs until 95 % of the CPU are used.
  DlEntity se;
  cbs::set_params(se,
                  {.runtime = 10'000'000, .deadline = 100'000'000, .period = 0, .flags = kSchedFlagReclaim});
  grub::Limits limits = kDefaults;
  limits.extra_bw = kDefaults.max_bw - se.bw;
  DlSums sums;
  grub::add_rq_bw(sums, se.bw);
  grub::add_running_bw(sums, se.bw);
  constexpr u64 kStep = 100'000;
  u64 ran = 0;
  u64 now = 0;
  cbs::new_period(se, now);
  const u64 end = 100 * se.dl_period;
  while (now < end) {
    if (se.runtime > 0) {
      se.runtime -= static_cast<i64>(grub::charge(kStep, se.bw, sums, limits));
      ran += kStep;
      now += kStep;
    } else {
      now = se.deadline; // throttled to the next period
      cbs::replenish(se, now);
    }
  }
  const double used = double(ran) / double(now);
  const double model = 1.0 / (269.0 / 256.0); // max_bw as bw_ratio expresses it
  CHECK(used > model - 0.002);
  CHECK(used < model + 0.002);
}

TEST_CASE("the charge is the whole time when all bandwidth is active", "[D07]") {
  DlSums sums{.this_bw = 996147, .running_bw = 996147};
  grub::Limits limits = kDefaults;
  limits.extra_bw = 0;
  const u64 charged = grub::charge(1'000'000, 104857, sums, limits);
  CHECK(charged >= 998'000); // 269/256 is 1/0.95 rounded down
  CHECK(charged <= 1'000'000);
}
