// SPDX-License-Identifier: Apache-2.0
// Which deadline parameters are valid (spec 5.2).
#include "sched/deadline/cbs.hpp"

#include <catch2/catch.hpp>

using namespace runnel;
using namespace runnel::sched;

namespace {

constexpr u64 kMs = 1'000'000;
constexpr u64 kSign = u64{1} << 63;

/// The rule once more, as the specification words it.
bool valid_by_the_book(const DlParams& p, u64 least_period, u64 most_period) {
  const u64 period = p.period == 0 ? p.deadline : p.period;
  return p.runtime >= 1024 && p.deadline != 0 && p.deadline < kSign && p.period < kSign &&
         p.runtime <= p.deadline && p.deadline <= period && period >= least_period && period <= most_period;
}

} // namespace

TEST_CASE("deadline parameters: every combination of boundary values", "[D01]") {
  constexpr u64 kLeast = 100'000;
  constexpr u64 kMost = 4'194'304'000;
  const std::vector<u64> values = {0,         1,          1023,     1024,      1025,   kLeast - 1,
                                   kLeast,    kLeast + 1, 10 * kMs, 100 * kMs, kMost,  kMost - 1,
                                   kMost + 1, kSign - 1,  kSign,    kSign + 1, ~u64{0}};
  u32 accepted = 0;
  for (const u64 runtime : values)
    for (const u64 deadline : values)
      for (const u64 period : values) {
        const DlParams params{.runtime = runtime, .deadline = deadline, .period = period, .flags = 0};
        INFO("runtime " << runtime << " deadline " << deadline << " period " << period);
        CHECK(cbs::params_valid(params) == valid_by_the_book(params, kLeast, kMost));
        accepted += cbs::params_valid(params) ? 1 : 0;
      }
  CHECK(accepted > 100);
}

TEST_CASE("deadline parameters: one value at each side of every limit", "[D01]") {
  const auto valid = [](u64 runtime, u64 deadline, u64 period) {
    return cbs::params_valid({.runtime = runtime, .deadline = deadline, .period = period, .flags = 0});
  };
  CHECK(valid(10 * kMs, 20 * kMs, 0)); // period 0 means deadline
  CHECK(valid(1024, 100'000, 100'000));
  CHECK_FALSE(valid(1023, 100'000, 100'000));
  CHECK(valid(20 * kMs, 20 * kMs, 20 * kMs));
  CHECK_FALSE(valid(20 * kMs + 1, 20 * kMs, 30 * kMs));
  CHECK_FALSE(valid(10 * kMs, 20 * kMs + 1, 20 * kMs));
  CHECK_FALSE(valid(2000, 99'999, 99'999));
  CHECK(valid(2000, 50'000, 100'000)); // the period counts
  CHECK(valid(kMs, 4'194'304'000, 0));
  CHECK_FALSE(valid(kMs, 4'194'304'001, 0));
  CHECK_FALSE(valid(kMs, 10 * kMs, kSign | 20 * kMs));
  CHECK(cbs::params_valid({.runtime = 2000, .deadline = 50'000, .period = 0, .flags = 0},
                          {.min_us = 50, .max_us = 100}));
  CHECK_FALSE(cbs::params_valid({.runtime = 2000, .deadline = 101'000, .period = 0, .flags = 0},
                                {.min_us = 50, .max_us = 100}));
}

TEST_CASE("deadline parameters: bandwidth and density", "[D01]") {
  DlEntity se;
  cbs::set_params(se, {.runtime = 10 * kMs, .deadline = 50 * kMs, .period = 100 * kMs, .flags = ~u64{0}});
  CHECK(se.bw == (u64{1} << 20) / 10);
  CHECK(se.density == (u64{1} << 20) / 5);
  CHECK(se.flags == (kSchedFlagReclaim | kSchedFlagDlOverrun)); // the others are not kept
  CHECK_FALSE(se.is_implicit());
  cbs::set_params(se, {.runtime = 10 * kMs, .deadline = 100 * kMs, .period = 0, .flags = 0});
  CHECK(se.dl_period == 100 * kMs);
  CHECK(se.is_implicit());
}
