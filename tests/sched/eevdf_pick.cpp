// SPDX-License-Identifier: Apache-2.0
// EEVDF: who runs, and who may interrupt (F06, F24, spec 3.5, 3.9).
#include "sched/fair/wake_test.hpp"
#include "tests/sched/eevdf_exact.hpp"

#include <catch2/catch.hpp>

using namespace runnel;
using namespace runnel::sched;
using namespace runnel::sched::test;
using trace::PickReason;

TEST_CASE("pick equals brute force", "[F06]") {
  u32 seen[16] = {};
  for_seeds(36, 1500, [&](Arena& arena) {
    for (const auto protection : {eevdf::Protection::kApplies, eevdf::Protection::kIgnored}) {
      const eevdf::Choice choice = eevdf::pick(arena.q, protection, arena.rules);
      REQUIRE(choice.entity == brute_force_pick(arena, protection));
      if (choice.entity == nullptr) continue;
      ++seen[static_cast<u32>(choice.reason)];
      const ExactMean mean(arena.members());
      const eevdf::Evidence evidence = eevdf::explain(arena.q, choice);
      // lag is floor(V) - v
      const Big lag = mean.lag_times_weight(choice.entity->vruntime);
      REQUIRE(Big(evidence.lag) * mean.weight <= lag);
      REQUIRE((Big(evidence.lag) + 1) * mean.weight > lag);
      if (arena.q.nr_queued > 1) REQUIRE(evidence.lag >= 0);
    }
  });
  for (const auto reason : {PickReason::kOnlyOne, PickReason::kEarliestEligible, PickReason::kProtected,
                            PickReason::kBuddy, PickReason::kCurrentBest})
    CHECK(seen[static_cast<u32>(reason)] > 100); // every way to decide was taken
}

TEST_CASE("equal deadlines: who came first runs first", "[F06]") {
  Arena arena(1, 4);
  for (const auto& se : arena.entities) {
    eevdf::set_custom_slice(*se, 0, arena.rules);
    se->weight = kNice0Load;
    eevdf::join(arena.q, *se, eevdf::Join::kAgain, arena.rules);
  }
  for (const auto& se : arena.entities) {
    arena.schedule();
    REQUIRE(arena.q.curr == se.get());
    eevdf::leave(arena.q, *se, eevdf::Leave::kSleeping, arena.rules);
    se->vlag = 0;
  }
}

namespace {

/// Two of nice 0: `curr` runs with 3 ms, `woken` has just come.
struct Duel {
  Arena arena{1, 3};
  FairEntity& curr = *arena.entities[0];
  FairEntity& woken = *arena.entities[1];
  FairEntity& other = *arena.entities[2];

  explicit Duel(u64 woken_slice) {
    for (const auto& se : arena.entities) se->weight = kNice0Load;
    eevdf::set_custom_slice(curr, 3'000'000, arena.rules);
    eevdf::set_custom_slice(woken, woken_slice, arena.rules);
    eevdf::set_custom_slice(other, 3'000'000, arena.rules);
    eevdf::join(arena.q, curr, eevdf::Join::kAgain, arena.rules);
    arena.schedule();
    eevdf::charge(arena.q, 1'000'000, arena.rules);
    eevdf::join(arena.q, other, eevdf::Join::kAgain, arena.rules);
    eevdf::join(arena.q, woken, eevdf::Join::kAgain, arena.rules);
  }
  bool wakes(Policy running, Policy waking, eevdf::WakeKind kind = eevdf::WakeKind::kOther) {
    return eevdf::wakeup_preempts(
        arena.q, woken, {running, waking, kind}, arena.rules, [] {},
        [&](eevdf::Protection p) { return eevdf::pick(arena.q, p, arena.rules).entity; });
  }
};

} // namespace

TEST_CASE("PREEMPT_SHORT clears protection and buddy", "[F24]") {
  Duel duel(500'000);
  duel.arena.q.next = &duel.other;
  REQUIRE(eevdf::is_protected(duel.curr));
  REQUIRE(duel.wakes(Policy::kNormal, Policy::kNormal));
  CHECK(!eevdf::is_protected(duel.curr));
  CHECK(duel.arena.q.next == nullptr);
  CHECK(eevdf::pick(duel.arena.q, eevdf::Protection::kApplies, duel.arena.rules).entity == &duel.woken);
}

TEST_CASE("without PREEMPT_SHORT, or with an equal slice, protection holds", "[F24]") {
  Duel shorter(500'000);
  shorter.arena.features.preempt_short = false;
  CHECK(!shorter.wakes(Policy::kNormal, Policy::kNormal));
  CHECK(eevdf::is_protected(shorter.curr));
  // ... but it shrinks to the smallest slice from now (spec 3.9)
  CHECK(static_cast<i64>(shorter.curr.vprot - shorter.curr.vruntime) <= 500'000);

  Duel equal(3'000'000);
  const u64 before = equal.curr.vprot;
  CHECK(!equal.wakes(Policy::kNormal, Policy::kNormal));
  CHECK(equal.curr.vprot == before);
}

TEST_CASE("a short one that owes time does not preempt", "[F24]") {
  Duel duel(500'000);
  eevdf::leave(duel.arena.q, duel.woken, eevdf::Leave::kSleeping, duel.arena.rules);
  duel.woken.vlag = -2'000'000;
  eevdf::join(duel.arena.q, duel.woken, eevdf::Join::kAgain, duel.arena.rules);
  CHECK(!duel.wakes(Policy::kNormal, Policy::kNormal));
  CHECK(eevdf::is_protected(duel.curr));
}

TEST_CASE("order of the wake-up tests by policy", "[F24]") {
  CHECK(Duel(500'000).wakes(Policy::kBatch, Policy::kNormal));
  CHECK(!Duel(500'000).wakes(Policy::kNormal, Policy::kBatch));
  CHECK(!Duel(500'000).wakes(Policy::kNormal, Policy::kIdle));
  CHECK(!Duel(500'000).wakes(Policy::kIdle, Policy::kIdle));
  Duel idle(3'000'000); // any other one preempts an idle-policy one, BATCH too
  CHECK(idle.wakes(Policy::kIdle, Policy::kBatch));
  CHECK(!eevdf::is_protected(idle.curr));
}

TEST_CASE("a fork does not preempt unless it has the shorter slice", "[F24]") {
  Duel duel(3'000'000);
  eevdf::leave(duel.arena.q, duel.other, eevdf::Leave::kSleeping, duel.arena.rules);
  eevdf::cancel_protection(duel.curr);
  duel.curr.deadline += 10'000'000; // the woken one would be picked
  CHECK(!duel.wakes(Policy::kNormal, Policy::kNormal, eevdf::WakeKind::kFork));
  CHECK(duel.wakes(Policy::kNormal, Policy::kNormal));
  CHECK(Duel(500'000).wakes(Policy::kNormal, Policy::kNormal, eevdf::WakeKind::kFork));
}

TEST_CASE("NEXT_BUDDY: an eligible woken one becomes the buddy and is picked", "[F24]") {
  Duel duel(3'000'000);
  CHECK(!duel.wakes(Policy::kNormal, Policy::kNormal));
  CHECK(duel.arena.q.next == nullptr);
  duel.arena.features.next_buddy = true;
  CHECK(duel.wakes(Policy::kNormal, Policy::kNormal));
  CHECK(eevdf::pick(duel.arena.q, eevdf::Protection::kApplies, duel.arena.rules).reason ==
        PickReason::kBuddy);
}
