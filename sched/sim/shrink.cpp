// SPDX-License-Identifier: Apache-2.0
#include "sched/sim/shrink.hpp"

namespace runnel::sim {
namespace {

constexpr u32 kMaxRuns = 6'000;
constexpr u32 kSeedsACase = 60;

/// Smaller neighbours of `c`, the boldest first.
std::vector<Case> smaller(const Case& c) {
  std::vector<Case> out;
  const auto with = [&](auto change) {
    Case next = c;
    change(next);
    out.push_back(next);
  };
  const auto with_cpus = [&](u32 cpus) {
    if (cpus != 0 && cpus < c.shape.cpus())
      with([&](Case& n) { n.shape = Shape{.sockets = 1, .cores = cpus}; });
  };
  with_cpus(1);
  with_cpus(2);
  with_cpus(c.shape.cpus() / 4);
  with_cpus(c.shape.cpus() / 2);
  with_cpus(c.shape.cpus() - 1);
  if (c.shape != Shape{.sockets = 1, .cores = c.shape.cpus()})
    with([](Case& n) { n.shape = Shape{.sockets = 1, .cores = n.shape.cpus()}; });
  for (const u32 n : {1u, 2u, c.tasks / 4, c.tasks / 2, c.tasks - 1})
    if (n != 0 && n < c.tasks) with([&](Case& next) { next.tasks = n; });
  for (const u32 n : {1u, 2u, c.rounds / 4, c.rounds / 2, c.rounds - 1})
    if (n != 0 && n < c.rounds) with([&](Case& next) { next.rounds = n; });
  if (c.interleaving == Interleaving::kFine) with([](Case& n) { n.interleaving = Interleaving::kCoarse; });
  return out;
}

class Shrinker {
 public:
  Shrinker(const Property& property, const Case& failing, const Failure& failure)
      : property_(property), invariant_(failure.invariant), result_{failing, failure.what(), 0} {}

  Shrunk go() {
    while (step()) {
    }
    try {
      run_case(property_, result_.smallest, Tracing::kOn); // once more, for its last events
    } catch (const Failure& failure) {
      result_.failure = failure.what();
    }
    return std::move(result_);
  }

 private:
  bool step() {
    for (const Case& candidate : smaller(result_.smallest))
      if (fails_with_some_seed(candidate)) return true;
    return false;
  }

  bool fails_with_some_seed(Case c) {
    const u64 original = c.seed;
    for (u32 i = 0; i < kSeedsACase && result_.runs < kMaxRuns; ++i) {
      c.seed = i == 0 ? original : i;
      ++result_.runs;
      try {
        run_case(property_, c);
      } catch (const Failure& failure) {
        if (failure.invariant != invariant_) continue;
        result_.smallest = c;
        result_.failure = failure.what();
        return true;
      }
    }
    return false;
  }

  const Property& property_;
  std::string invariant_;
  Shrunk result_;
};

} // namespace

Shrunk shrink(const Property& property, const Case& failing, const Failure& failure) {
  return Shrinker(property, failing, failure).go();
}

} // namespace runnel::sim
