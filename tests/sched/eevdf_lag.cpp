// SPDX-License-Identifier: Apache-2.0
// EEVDF: lag across leaving, joining, weights and late sleep (F09 to F12).
#include "tests/sched/eevdf_exact.hpp"

#include <catch2/catch.hpp>

using namespace runnel;
using namespace runnel::sched;
using namespace runnel::sched::test;

namespace {

/// L of spec 3.7, exactly.
Big lag_limit(const Arena& arena, const FairEntity& se) {
  u64 longest = 0;
  for (const FairEntity* member : arena.members()) longest = std::max(longest, member->slice);
  return (Big(longest + Arena::kTick) << 20) / Big(se.weight);
}

i64 lag_of(Arena& arena, const FairEntity& se) {
  return static_cast<i64>(eevdf::mean_vruntime(arena.q) - se.vruntime);
}

} // namespace

TEST_CASE("FB5: leave and join again keep the stored lag", "[F09]") {
  u64 compared = 0;
  for_seeds(36, 1500, [&](Arena& arena) {
    FairEntity* se = arena.any(true);
    if (se == nullptr || se->delayed || arena.q.nr_queued < 2) return;
    for (const auto why : {eevdf::Leave::kSleeping, eevdf::Leave::kMoving}) {
      const i64 before = lag_of(arena, *se);
      const i64 rest = static_cast<i64>(se->deadline - se->vruntime);
      arena.change(*se, [] {}); // a mover
      if (why == eevdf::Leave::kSleeping && se != arena.q.curr) {
        eevdf::leave(arena.q, *se, why, arena.rules);
        eevdf::join(arena.q, *se, eevdf::Join::kAgain, arena.rules);
        REQUIRE(se->deadline - se->vruntime == eevdf::virtual_slice(*se)); // a new request
      } else {
        REQUIRE(static_cast<i64>(se->deadline - se->vruntime) == rest); // the rest of the old one
      }
      REQUIRE(std::abs(lag_of(arena, *se) - se->vlag) <= 2);
      if (abs(Big(before)) < lag_limit(arena, *se)) {
        REQUIRE(std::abs(se->vlag - before) <= 2 * 2); // two rounds
        ++compared;
      }
    }
  });
  CHECK(compared > 10'000);
}

TEST_CASE("the lag that is kept is clamped to the largest slice and a tick", "[F10]") {
  u64 clamped = 0;
  for_seeds(36, 1500, [&](Arena& arena) {
    FairEntity* se = arena.any(true);
    if (se == nullptr || se == arena.q.curr || se->delayed) return;
    const Big limit = lag_limit(arena, *se);
    const i64 before = lag_of(arena, *se);
    eevdf::leave(arena.q, *se, eevdf::Leave::kSleeping, arena.rules);
    REQUIRE(abs(Big(se->vlag)) <= limit);
    if (abs(Big(before)) <= limit)
      REQUIRE(se->vlag == before);
    else
      ++clamped;
    // Far out, as only a long unfair run could throw it:
    eevdf::join(arena.q, *se, eevdf::Join::kAgain, arena.rules);
    eevdf::tree_erase(arena.q, *se);
    se->vruntime += arena.one_in(2) ? u64{1} << 40 : 0 - (u64{1} << 40);
    eevdf::tree_insert(arena.q, *se);
    if (arena.q.nr_queued > 1) {
      const Big wide_limit = lag_limit(arena, *se);
      const i64 exact = lag_of(arena, *se);
      eevdf::leave(arena.q, *se, eevdf::Leave::kSleeping, arena.rules);
      REQUIRE(Big(se->vlag) == (Big(exact) > wide_limit    ? wide_limit
                                : Big(exact) < -wide_limit ? -wide_limit
                                                           : Big(exact)));
      clamped += Big(se->vlag) != Big(exact);
    } else {
      eevdf::leave(arena.q, *se, eevdf::Leave::kSleeping, arena.rules);
    }
  });
  CHECK(clamped > 1000);
}

TEST_CASE("a new weight keeps V, the lag of service and the share of the request", "[F11]") {
  for_seeds(36, 1500, [](Arena& arena) {
    FairEntity* se = arena.any(true);
    if (se == nullptr) return;
    const std::vector<FairEntity*> members = arena.members();
    const ExactMean before(members);
    const u64 mean = eevdf::mean_vruntime(arena.q);
    const u64 old = se->weight;
    const u64 weight = arena.random_weight();
    const Big lag(static_cast<i64>(mean - se->vruntime));
    const Big rest(static_cast<i64>(se->deadline - mean));
    const bool kept = se == arena.q.curr && eevdf::is_protected(*se);
    const Big protection(static_cast<i64>(se->vprot - mean));
    const Big stored(se->vlag);

    eevdf::reweight(arena.q, *se, weight);

    // Each distance from V is scaled by old / new, rounded towards zero.
    REQUIRE(Big(static_cast<i64>(mean - se->vruntime)) == lag * Big(old) / Big(weight));
    REQUIRE(Big(static_cast<i64>(se->deadline - mean)) == rest * Big(old) / Big(weight));
    if (kept) REQUIRE(Big(static_cast<i64>(se->vprot - mean)) == protection * Big(old) / Big(weight));
    REQUIRE(Big(se->vlag) == stored * Big(old) / Big(weight));
    // V: sum of w * (V - v) from the old rounded V was in (-W, 0]; only the rounding of one lag adds to it.
    Big sum = 0;
    for (const FairEntity* member : members)
      sum += Big(member->weight) * Big(static_cast<i64>(mean - member->vruntime));
    REQUIRE(abs(sum) < before.weight + Big(weight));
  });
}

TEST_CASE("a new weight off the queue scales what is stored", "[F11]") {
  for_seeds(20, 1000, [](Arena& arena) {
    FairEntity* se = arena.any(false);
    if (se == nullptr) return;
    const Big lag(se->vlag);
    const Big rest(static_cast<i64>(se->deadline));
    const u64 old = se->weight;
    const u64 weight = arena.random_weight();
    eevdf::reweight(arena.q, *se, weight);
    REQUIRE(se->weight == weight);
    REQUIRE(Big(se->vlag) == lag * Big(old) / Big(weight));
    if (se->rel_deadline) REQUIRE(Big(static_cast<i64>(se->deadline)) == rest * Big(old) / Big(weight));
  });
}

TEST_CASE("late sleep: the stored lag never falls and never becomes a credit", "[F12]") {
  u64 held = 0;
  u64 clipped = 0;
  u64 left = 0;
  for_seeds(80, 2000, [&](Arena& arena) {
    for (FairEntity* se : arena.members()) {
      if (!se->delayed) {
        if (arena.one_in(4) && !eevdf::is_eligible(arena.q, *se)) eevdf::delay(arena.q, *se, arena.rules);
        continue;
      }
      REQUIRE(se->vlag <= 0);
      const i64 stored = se->vlag;
      const Big limit = lag_limit(arena, *se);
      const i64 now = lag_of(arena, *se);
      const i64 computed = Big(now) < -limit  ? static_cast<i64>(-limit)
                           : Big(now) > limit ? static_cast<i64>(limit)
                                              : now;
      const i64 expected = std::min<i64>(0, std::max(computed, stored));
      if (arena.one_in(3)) { // woken
        const u64 v = se->vruntime;
        const bool alone = arena.q.nr_queued == 1;
        eevdf::undelay(arena.q, *se, arena.rules);
        REQUIRE(!se->delayed);
        REQUIRE(se->vlag == expected);
        if (expected == computed)
          REQUIRE(se->vruntime == v); // stays where it is
        else if (!alone && expected != 0)
          REQUIRE(std::abs(lag_of(arena, *se) - expected) <= 2);
        held += computed < stored;
        clipped += computed > 0;
      } else if (arena.one_in(3) && se != arena.q.curr) { // picked: it goes
        eevdf::leave(arena.q, *se, eevdf::Leave::kSleeping, arena.rules);
        REQUIRE(se->vlag == expected);
        REQUIRE(se->vlag >= stored);
        REQUIRE(!se->delayed);
        ++left;
      }
    }
  });
  CHECK(held > 100);
  CHECK(clipped > 100);
  CHECK(left > 100);
}

TEST_CASE("without DELAY_ZERO a late sleeper keeps what it gained", "[F12]") {
  Arena arena(5, 2);
  arena.features.delay_zero = false;
  FairEntity& sleeper = *arena.entities[0];
  FairEntity& hog = *arena.entities[1];
  for (FairEntity* se : {&sleeper, &hog}) {
    se->weight = kNice0Load;
    eevdf::set_custom_slice(*se, 0, arena.rules);
    eevdf::join(arena.q, *se, eevdf::Join::kAgain, arena.rules);
  }
  arena.schedule();
  REQUIRE(arena.q.curr == &sleeper);
  eevdf::charge(arena.q, 1'000'000, arena.rules);
  REQUIRE(!eevdf::is_eligible(arena.q, sleeper));
  arena.block(sleeper);
  REQUIRE(sleeper.delayed);
  CHECK(sleeper.vlag == -500'000);
  eevdf::put_current(arena.q);
  eevdf::set_current(arena.q, hog, eevdf::Stint::kFresh, arena.rules);
  eevdf::charge(arena.q, 3'000'000, arena.rules);
  eevdf::undelay(arena.q, sleeper, arena.rules);
  CHECK(sleeper.vlag == 1'000'000);
}
