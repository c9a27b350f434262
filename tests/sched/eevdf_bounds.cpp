// SPDX-License-Identifier: Apache-2.0
// What EEVDF promises of a steady set (F13 to F15, spec 3.11): busy entities share one CPU.
//
// FB2's upper side and FB3 are theorems when a stint ends where its request ends, or when all weights are
// equal, or for two. With ticks longer than requests, unequal weights and more than two they are not: several
// light entities whose deadlines lie close together each overrun by up to a tick before a heavy one gets its
// turn. What holds then is a tick for each of the others, and is asserted as such.
#include "tests/sched/eevdf_arena.hpp"

using namespace runnel;
using namespace runnel::sched;
using namespace runnel::sched::test;

namespace {

enum class Ends { kAtTicks, kExactly }; // a stint: at the tick after its request, or with it (hrtick)
enum class Weights { kEqual, kAny };

/// A CPU shared by `arena`'s entities, all of them always runnable.
class Machine {
 public:
  Machine(Arena& arena, Ends ends, i64 longest_off)
      : tick(ends == Ends::kAtTicks ? static_cast<i64>(Arena::kTick) : 0), off(longest_off), arena_(arena),
        served_(arena.entities.size()) {
    for (const auto& se : arena.entities) {
      eevdf::join(arena.q, *se, eevdf::Join::kAgain, arena.rules);
      weight += se->weight;
    }
    longest_slice = static_cast<i64>(eevdf::max_slice(arena.q));
    arena.schedule();
  }

  /// Runs to the next moment when the scheduler is asked: the end of the stint, a tick, or some other reason;
  /// with interrupts off, up to `off` later.
  void step() {
    FairEntity& curr = *arena_.q.curr;
    const bool other_reason = arena_.one_in(5);
    i64 run = tick != 0 ? next_tick_ - now : time_to_end(curr);
    if (other_reason) run = static_cast<i64>(arena_.below(static_cast<u64>(run) + 1));
    if (off != 0) run += static_cast<i64>(arena_.below(static_cast<u64>(off) + 1));
    now += run;
    while (next_tick_ <= now) next_tick_ += static_cast<i64>(Arena::kTick);
    for (usize i = 0; i < served_.size(); ++i)
      if (arena_.entities[i].get() == &curr) served_[i] += run;
    stint += run;
    ran = &curr;
    ended_stint = stint;
    const bool others_first = run != 0 && eevdf::charge(arena_.q, static_cast<u64>(run), arena_.rules);
    if (!others_first && !other_reason) return;
    arena_.schedule();
    stint = 0;
  }

  /// Lag of entity i in ns of service (spec 3.1), times W and 2^20: exact, below 2^103.
  i128 scaled_lag(usize i) const {
    const u64 origin = arena_.entities[0]->vruntime;
    i128 lag = 0;
    for (const auto& se : arena_.entities)
      lag += wide::mul(static_cast<i64>(se->vruntime - origin), se->weight);
    const FairEntity& se = *arena_.entities[i];
    lag -= wide::mul(static_cast<i64>(se.vruntime - origin), weight);
    return lag * static_cast<i128>(se.weight);
  }
  i128 scaled(i64 ns) const { return wide::mul(ns, weight) * static_cast<i128>(kNice0Load); }
  /// Service that entity i had beyond its share of the time so far, times W.
  i128 ahead(usize i) const {
    return wide::mul(served_[i], weight) - wide::mul(now, arena_.entities[i]->weight);
  }

  i64 tick;
  i64 off;
  i64 longest_slice = 0;
  u64 weight = 0;
  i64 now = 0;
  i64 stint = 0;
  i64 ended_stint = 0;
  const FairEntity* ran = nullptr;

 private:
  /// A current entity that was picked again has no protection: it may run for the smallest slice.
  i64 time_to_end(const FairEntity& se) const {
    const bool is_protected = eevdf::is_protected(se);
    const u64 end = is_protected ? se.vprot : se.deadline;
    const i128 ns = wide::mul(static_cast<i64>(end - se.vruntime), se.weight);
    const i64 rest = static_cast<i64>(ns / static_cast<i128>(kNice0Load)) + 1;
    return is_protected ? rest : std::min(rest, static_cast<i64>(eevdf::min_slice(arena_.q)));
  }

  Arena& arena_;
  std::vector<i64> served_;
  i64 next_tick_ = static_cast<i64>(Arena::kTick);
};

struct Case {
  Ends ends;
  Weights weights;
  u32 most; // entities
  i64 off;
};

/// `check(arena, machine)` drives the machine. Slices are mixed, 0.1 to 100 ms.
template <typename Check> void for_machines(const Case& c, u32 seeds, Check check) {
  for (u32 seed = 1; seed <= seeds; ++seed) {
    Arena arena(seed, 2 + seed % (c.most - 1));
    if (c.weights == Weights::kEqual)
      for (const auto& se : arena.entities) se->weight = kNice0Load;
    INFO("seed " << seed << ", " << arena.entities.size() << " entities, interrupts off up to " << c.off
                 << " ns");
    Machine machine(arena, c.ends, c.off);
    check(arena, machine);
  }
}

constexpr i64 kOff = 300'000;
/// Where the bounds of the specification hold as they stand.
constexpr Case kSound[] = {
    {Ends::kAtTicks, Weights::kEqual, 12, 0}, {Ends::kAtTicks, Weights::kEqual, 12, kOff},
    {Ends::kAtTicks, Weights::kAny, 2, 0},    {Ends::kAtTicks, Weights::kAny, 2, kOff},
    {Ends::kExactly, Weights::kAny, 12, 0},
};
constexpr Case kUnequal[] = {{Ends::kAtTicks, Weights::kAny, 12, 0},
                             {Ends::kAtTicks, Weights::kAny, 12, kOff}};

void check_lags(const Arena& arena, const Machine& machine, i64 least, i64 most) {
  u32 out = 0;
  for (usize i = 0; i < arena.entities.size(); ++i) {
    const i128 lag = machine.scaled_lag(i);
    out += lag <= machine.scaled(least) || lag >= machine.scaled(most);
  }
  if (out != 0) REQUIRE(out == 0);
}

} // namespace

TEST_CASE("FB2: lag stays within a slice and a tick, 10^6 decisions", "[F13]") {
  for (const Case& c : kSound)
    for_machines(c, 100, [](Arena& arena, Machine& machine) {
      // One ns more than the definition: what is left of a stint is rounded up to whole ns.
      const i64 bound = machine.longest_slice + machine.tick + machine.off + 1;
      for (u32 n = 0; n < 2000; ++n) {
        machine.step();
        check_lags(arena, machine, -bound, bound);
      }
    });
}

TEST_CASE("FB2 with ticks and unequal weights: below, as said; above, a tick for each other", "[F13]") {
  for (const Case& c : kUnequal)
    for_machines(c, 100, [](Arena& arena, Machine& machine) {
      const i64 bound = machine.longest_slice + machine.tick + machine.off;
      const i64 others = static_cast<i64>(arena.entities.size()) - 1;
      for (u32 n = 0; n < 2000; ++n) {
        machine.step();
        check_lags(arena, machine, -bound, machine.longest_slice + others * (machine.tick + machine.off));
      }
    });
}

TEST_CASE("FB3: service over any window is the share of it", "[F14]") {
  const auto swings = [](Arena& arena, Machine& machine, i64 bound) {
    // Over all windows at once: how far an entity's service ever swings about its share.
    std::vector<i128> least(arena.entities.size());
    std::vector<i128> most(arena.entities.size());
    for (u32 n = 0; n < 3000; ++n) {
      machine.step();
      for (usize i = 0; i < arena.entities.size(); ++i) {
        const i128 ahead = machine.ahead(i);
        least[i] = std::min(least[i], ahead);
        most[i] = std::max(most[i], ahead);
      }
    }
    for (usize i = 0; i < arena.entities.size(); ++i) {
      CAPTURE(i, arena.entities[i]->weight, arena.entities[i]->slice, bound);
      REQUIRE(static_cast<bool>(most[i] - least[i] <= wide::mul(2 * bound, machine.weight)));
    }
  };
  for (const Case& c : kSound)
    for_machines(c, 100, [&](Arena& arena, Machine& machine) {
      swings(arena, machine, machine.longest_slice + machine.tick + machine.off + 1);
    });
  for (const Case& c : kUnequal)
    for_machines(c, 100, [&](Arena& arena, Machine& machine) {
      const i64 others = static_cast<i64>(arena.entities.size()) - 1;
      swings(arena, machine, machine.longest_slice + others * (machine.tick + machine.off));
    });
}

TEST_CASE("FB4: a stint ends a tick after the smallest slice", "[F15]") {
  const auto stints = [](Arena& arena, Machine& machine) {
    for (u32 n = 0; n < 2000; ++n) {
      u32 others = 0;
      for (const auto& se : arena.entities)
        others += se.get() != arena.q.curr && eevdf::is_eligible(arena.q, *se);
      machine.step();
      const i64 slice = static_cast<i64>(std::min(machine.ran->slice, eevdf::min_slice(arena.q)));
      if (others != 0 && machine.ended_stint > slice + machine.tick + machine.off + 1) {
        CAPTURE(n, machine.ended_stint, slice);
        REQUIRE(machine.ended_stint <= slice + machine.tick + machine.off + 1);
      }
    }
  };
  for (const Case& c : kSound) for_machines(c, 60, stints);
  for (const Case& c : kUnequal) for_machines(c, 60, stints);
}
