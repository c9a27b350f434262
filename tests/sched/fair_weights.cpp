// SPDX-License-Identifier: Apache-2.0
// The weight table and the default slice (F01, F28, spec 3.1, 3.2).
#include "sched/fair/tunables.hpp"
#include "sched/fair/weights.hpp"

#include <catch2/catch.hpp>

using namespace runnel;
using namespace runnel::sched;

TEST_CASE("weights of the nice levels", "[F01]") {
  constexpr u32 kExpected[] = {88761, 71755, 56483, 46273, 36291, 29154, 23254, 18705, 14949, 11916,
                               9548,  7620,  6100,  4904,  3906,  3121,  2501,  1991,  1586,  1277,
                               1024,  820,   655,   526,   423,   335,   272,   215,   172,   137,
                               110,   87,    70,    56,    45,    36,    29,    23,    18,    15};
  for (i32 nice = kMinNice; nice <= kMaxNice; ++nice) {
    const u32 expected = kExpected[nice - kMinNice];
    CHECK(weight_of_nice(nice) == u64{expected} * 1024);
    CHECK(weight_of(Policy::kNormal, nice_to_prio(nice)) == u64{expected} * 1024);
    CHECK(weight_of(Policy::kBatch, nice_to_prio(nice)) == u64{expected} * 1024);
    CHECK(weight_of(Policy::kIdle, nice_to_prio(nice)) == 3 * 1024);
  }
  CHECK(weight_of_nice(0) == kNice0Load);
}

TEST_CASE("neighbouring nice levels differ by 1.20 to 1.28", "[F01]") {
  for (usize i = 0; i + 1 < kNiceWeights.size(); ++i) {
    CHECK(kNiceWeights[i] * 100 >= kNiceWeights[i + 1] * 120);
    CHECK(kNiceWeights[i] * 100 <= kNiceWeights[i + 1] * 128);
  }
}

TEST_CASE("a custom slice is clamped to 0.1 to 100 ms, 0 restores the default", "[F28]") {
  const Features switches;
  const eevdf::Rules rules{.base_slice = 2'100'000, .switches = switches};
  FairEntity se;
  const auto slice_for = [&](u64 runtime) {
    eevdf::set_custom_slice(se, runtime, rules);
    CHECK(se.custom_slice == (runtime != 0));
    return se.slice;
  };
  CHECK(slice_for(1) == 100'000);
  CHECK(slice_for(99'999) == 100'000);
  CHECK(slice_for(100'000) == 100'000);
  CHECK(slice_for(3'000'000) == 3'000'000);
  CHECK(slice_for(100'000'000) == 100'000'000);
  CHECK(slice_for(100'000'001) == 100'000'000);
  CHECK(slice_for(~u64{0}) == 100'000'000);
  CHECK(slice_for(0) == 2'100'000);
}

TEST_CASE("the default slice grows with the CPUs as the scaling says", "[F28]") {
  for (const auto [cpus, log, linear] : {std::array<u32, 3>{1, 1, 1},
                                         {2, 2, 2},
                                         {3, 2, 3},
                                         {4, 3, 4},
                                         {7, 3, 7},
                                         {8, 4, 8},
                                         {9, 4, 8},
                                         {1024, 4, 8}}) {
    CHECK(slice_factor(SliceScaling::kNone, cpus) == 1);
    CHECK(slice_factor(SliceScaling::kLog, cpus) == log);
    CHECK(slice_factor(SliceScaling::kLinear, cpus) == linear);
  }
}
