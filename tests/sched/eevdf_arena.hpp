// SPDX-License-Identifier: Apache-2.0
// An EEVDF queue under random use: entities that join, run, block, sleep late, change weight and slice, as
// the class would drive them. What a property says of the queue is checked after every step.
#pragma once

#include "sched/fair/eevdf.hpp"
#include "sched/fair/eevdf_tree.hpp"
#include "sched/fair/weights.hpp"

#include <catch2/catch.hpp>
#include <memory>
#include <random>
#include <vector>

namespace runnel::sched::test {

struct Arena {
  static constexpr u64 kTick = 4'000'000;

  explicit Arena(u32 seed, u32 count) : random(seed) {
    for (u32 i = 0; i < count; ++i) {
      entities.push_back(std::make_unique<FairEntity>());
      entities.back()->weight = random_weight();
      eevdf::set_custom_slice(*entities.back(), random_slice(), rules);
    }
  }

  u64 below(u64 n) { return random() % n; }
  bool one_in(u64 n) { return below(n) == 0; }
  u64 random_weight() {
    const u64 index = below(kNiceWeights.size() + 1);
    return scale_load(index == kNiceWeights.size() ? kIdlePolicyWeight : kNiceWeights[index]);
  }
  u64 random_slice() { return one_in(3) ? 0 : 50'000 + below(one_in(4) ? 120'000'000 : 5'000'000); }

  FairEntity* any(bool queued) {
    std::vector<FairEntity*> found;
    for (const auto& se : entities)
      if (se->on_rq == queued) found.push_back(se.get());
    return found.empty() ? nullptr : found[below(found.size())];
  }
  std::vector<FairEntity*> members() const {
    std::vector<FairEntity*> found;
    for (const auto& se : entities)
      if (se->on_rq) found.push_back(se.get());
    return found;
  }

  /// As schedule(): a delayed winner leaves, the next one becomes current.
  void schedule() {
    for (;;) {
      const eevdf::Choice choice = eevdf::pick(q, eevdf::Protection::kApplies, rules);
      if (choice.entity == nullptr) {
        eevdf::put_current(q);
        return;
      }
      if (choice.entity->delayed) {
        eevdf::leave(q, *choice.entity, eevdf::Leave::kSleeping, rules);
        continue;
      }
      if (choice.entity == q.curr) return;
      eevdf::put_current(q);
      eevdf::set_current(q, *choice.entity, eevdf::Stint::kFresh, rules);
      return;
    }
  }
  void block(FairEntity& se) {
    if (!eevdf::is_eligible(q, se))
      eevdf::delay(q, se, rules);
    else
      eevdf::leave(q, se, eevdf::Leave::kSleeping, rules);
  }
  /// As the change protocol: off the queue, changed, back (spec 2.2).
  template <typename Change> void change(FairEntity& se, Change body) {
    const bool queued = se.on_rq;
    const bool running = q.curr == &se;
    if (queued) eevdf::leave(q, se, eevdf::Leave::kMoving, rules);
    if (running) eevdf::put_current(q);
    body();
    if (queued) eevdf::join(q, se, eevdf::Join::kAgain, rules);
    if (running) eevdf::set_current(q, se, eevdf::Stint::kResumed, rules);
  }

  void step() {
    switch (below(16)) {
    case 0:
    case 1:
      if (FairEntity* se = any(false)) {
        eevdf::join(q, *se, one_in(4) ? eevdf::Join::kNew : eevdf::Join::kAgain, rules);
        if (one_in(2)) schedule();
      }
      break;
    case 2: // the current one blocks, now or late
      if (q.curr != nullptr && q.curr->on_rq && !q.curr->delayed) {
        block(*q.curr);
        schedule();
      }
      break;
    case 3: // one that waits is taken elsewhere
      if (FairEntity* se = any(true); se != nullptr && se != q.curr)
        eevdf::leave(q, *se, eevdf::Leave::kMoving, rules);
      break;
    case 4: // a late sleeper is woken
      for (FairEntity* se : members())
        if (se->delayed && one_in(2)) eevdf::undelay(q, *se, rules);
      break;
    case 5:
      if (FairEntity* se = any(true)) eevdf::reweight(q, *se, random_weight());
      break;
    case 6:
      if (FairEntity* se = any(one_in(2)); se != nullptr && !se->delayed)
        change(*se, [&] { eevdf::set_custom_slice(*se, random_slice(), rules); });
      break;
    case 7:
      if (q.curr != nullptr && q.curr->on_rq && q.nr_queued > 1) {
        eevdf::yield_current(q, rules);
        schedule();
      }
      break;
    case 8:
      if (FairEntity* se = any(true); se != nullptr && se != q.curr && !se->delayed) q.next = se;
      break;
    default: // time passes
      if (q.curr == nullptr || !q.curr->on_rq) {
        schedule();
      } else if (eevdf::charge(q, below(one_in(8) ? 3 * kTick : 500'000), rules)) {
        schedule();
      }
    }
  }

  std::mt19937_64 random;
  Features features;
  eevdf::Rules rules{.base_slice = 2'100'000, .unscaled_slice = 700'000, .tick = kTick, .switches = features};
  EevdfQueue q;
  std::vector<std::unique_ptr<FairEntity>> entities;
};

/// Steps an arena for each seed; `check(arena)` after every step.
template <typename Check> void for_seeds(u32 seeds, u32 steps, Check check) {
  for (u32 seed = 1; seed <= seeds; ++seed) {
    INFO("seed " << seed);
    Arena arena(seed, 1 + seed % 12);
    for (u32 n = 0; n < steps; ++n) {
      arena.step();
      check(arena);
    }
  }
}

} // namespace runnel::sched::test
