// SPDX-License-Identifier: Apache-2.0
// Newly-idle balancing as a proportion of its success (spec 3.12): the ratio follows a model fed with the
// same draws, falls on useless pulls and recovers (F34).
#include "sched/balance/newidle_rules.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <random>

using namespace runnel;
using namespace runnel::sched;

namespace {

/// The rules of spec 3.12 once more, over nothing but the history of calls.
struct Model {
  struct Call {
    u64 now;
    u32 success;
  };
  u32 calls = 512, successes = 256, ratio = 512;
  u64 stamp = 0;

  bool runs(u32 draw) const { return draw <= 1 + ratio; }
  u32 weight() const { return static_cast<u32>(1024.0 / (1.0 + ratio) + 0.5); }
  void note(Call call) {
    calls += 1;
    successes += call.success;
    if (calls < 1024) return;
    ratio = static_cast<u32>(std::min<u64>(1024, successes + (call.now - stamp) / (1u << 22)));
    stamp = call.now;
    calls = 512;
    successes /= 2;
  }
};

} // namespace

TEST_CASE("newidle: the ratio's trajectory equals the model's with the same draws", "[balance][F34]") {
  const Features switches;
  for (u64 seed = 1; seed <= 20; ++seed) {
    std::mt19937_64 random(seed);
    SchedDomain sd;
    Model model;
    u64 now = 0;
    u64 changes = 0;
    for (u32 i = 0; i < 100'000; ++i) {
      now += random() % 200'000;
      const u32 draw = static_cast<u32>(random() % 1024);
      const u32 weight = newidle_draw(sd, draw);
      bool same = (weight != 0) == model.runs(draw) && (weight == 0 || weight == model.weight());
      const bool useful = (i / 20'000) % 2 == 0 ? random() % 3 == 0 : random() % 500 == 0;
      const u32 success = weight != 0 && useful ? weight : 0;
      newidle_count(sd, success, Instant{now}, switches);
      const u32 before = model.ratio;
      model.note({now, success});
      changes += before != model.ratio ? 1 : 0;
      same = same && sd.newidle_ratio == model.ratio && sd.newidle_call == model.calls &&
             sd.newidle_success == model.successes;
      if (!same) FAIL("seed " << seed << ", call " << i); // an assertion that holds costs more than all this
    }
    CHECK(changes > 50);
  }
}

TEST_CASE("newidle: useless pulls let the ratio fall, useful ones bring it back", "[balance][F34]") {
  const Features switches;
  std::mt19937_64 random(5);
  SchedDomain sd;
  u64 now = 0;
  const auto go = [&](u32 calls, bool useful) {
    u32 ran = 0;
    for (u32 i = 0; i < calls; ++i) {
      now += 10'000; // a busy machine: no help by time
      const u32 weight = newidle_draw(sd, static_cast<u32>(random() % 1024));
      ran += weight != 0 ? 1 : 0;
      newidle_count(sd, useful ? weight : 0, Instant{now}, switches);
    }
    return ran;
  };
  go(10'000, false);
  CHECK(sd.newidle_ratio <= 2);
  CHECK(go(10'000, false) < 10'000 / 100); // hardly ever tried any more
  go(200'000, true);
  CHECK(sd.newidle_ratio > 900); // the few that are tried weigh all the more
  CHECK(go(10'000, true) > 8'500);
}

TEST_CASE("newidle: rare calls are worth trying whatever they brought", "[balance][F34]") {
  Features switches;
  SchedDomain sd;
  const auto idle_rarely = [&] {
    sd = {};
    for (u32 i = 0; i < 5'000; ++i)
      newidle_count(sd, 0, Instant{u64{i} * 8'000'000}, switches); // 125 a second
    return sd.newidle_ratio;
  };
  CHECK(idle_rarely() > 900); // 512 calls in 4.1 s
  switches.ni_rate = false;
  CHECK(idle_rarely() <= 2);
}

TEST_CASE("newidle: the longest cost is remembered and fades by 3 in 256 a second", "[balance][F34]") {
  SchedDomain sd;
  CHECK(newidle_note_cost(sd, 100_us, Instant{0}));
  CHECK_FALSE(newidle_note_cost(sd, 50_us, Instant{500'000'000}));
  CHECK(sd.max_newidle_cost == 100_us);
  CHECK(newidle_note_cost(sd, 50_us, Instant{1'000'000'001}));
  CHECK(sd.max_newidle_cost.ns == 100'000 * 253 / 256);
  CHECK_FALSE(newidle_note_cost(sd, 50_us, Instant{1'500'000'000}));
  newidle_note_cost(sd, 90_ms, Instant{1'600'000'000});
  CHECK(sd.max_newidle_cost == 500_us + 200_ns); // one slow call does not end them for long
}
