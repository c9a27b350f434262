// SPDX-License-Identifier: Apache-2.0
// Concurrency ids: all orders of what can happen to a few tasks on a few CPUs, and the limits (spec
// rseq_mm_cid 4.5, 4.13).
#include "tests/model/mm_cid_search.hpp"

#include <catch2/catch.hpp>

// What of the simulated machine's port the algorithm needs.
namespace runnel::sim {
void point_reached() {}
} // namespace runnel::sim
namespace runnel::sched::port {
void relax() { throw model::cid::Violation{"I4: no number is left for somebody who holds none"}; }
void assertion_failed(std::source_location where) {
  throw model::cid::Violation{"check in line " + std::to_string(where.line()) + " of the algorithm"};
}
} // namespace runnel::sched::port

namespace runnel::model::cid {
namespace {

template <typename Rules = sched::CidRules> Result explore(const Config& config) {
  return Model<Rules>(config).run();
}

void check_holds(const Config& config) {
  const Result result = explore(config);
  INFO(result.violation);
  INFO(result.states << " states");
  CHECK(result.violation.empty());
  CHECK(result.exhausted);
  CHECK((result.flips_seen & (kToCpus | kToTasks)) ==
        (kToCpus | kToTasks)); // or nothing of interest was seen
}

// A mutant need not be wrong in each shape; in one of these it is.
template <typename Rules> bool is_caught() {
  return !explore<Rules>({.cpus = 2, .tasks = 3, .least_threshold = 2}).violation.empty() ||
         !explore<Rules>({.cpus = 2, .tasks = 4, .least_threshold = 2}).violation.empty() ||
         !explore<Rules>({.cpus = 3, .tasks = 4, .allowed = 3, .least_threshold = 2, .most_states = 600'000})
              .violation.empty();
}

struct NoTransitOnSwitchIn : sched::CidRules {
  static constexpr bool kTransitOnSwitchIn = false;
};
struct NoTransitInWalk : sched::CidRules {
  static constexpr bool kTransitInWalk = false;
};
struct UnguardedDrop : sched::CidRules {
  static constexpr bool kGuardedDrop = false;
};
struct KeepOnSwitchOut : sched::CidRules {
  static constexpr bool kDropOnSwitchOut = false;
};
/// With the real limits a mask that widens never makes the threads too few: the threshold is at most their
/// number. With this one it does, so that the work that is put off has something to do.
struct ThresholdOfAllowed : sched::CidRules {
  static constexpr u32 threshold(u32, u32 allowed, u32) { return allowed; }
};
struct KeepSleepers : sched::CidRules {
  static constexpr bool kDropSleepers = false;
};

} // namespace

TEST_CASE("mm_cid: every order keeps the invariants", "[rseq.D01][rseq.D11][rseq.D30]") {
  check_holds({.cpus = 2, .tasks = 3, .least_threshold = 2});
  check_holds({.cpus = 2, .tasks = 4, .least_threshold = 2});
}

TEST_CASE("mm_cid: affinity that widens gives the numbers back to the tasks, in every order", "[rseq.D01]") {
  check_holds({.cpus = 2, .tasks = 3, .allowed = 1, .least_threshold = 2});
  check_holds({.cpus = 3, .tasks = 3, .allowed = 1, .least_threshold = 2});
}

TEST_CASE("mm_cid: a mask that widens, and the work that is put off for it",
          "[rseq.D20][rseq.D21][rseq.D22]") {
  const Result result = explore<ThresholdOfAllowed>({.cpus = 3, .tasks = 3, .allowed = 1});
  INFO(result.violation);
  INFO(result.states << " states");
  CHECK(result.violation.empty());
  CHECK(result.exhausted);
  // The work alone does it; or somebody is faster, or nobody is left, and it finds nothing to do.
  CHECK(result.flips_seen == (kToCpus | kToTasks | kByWork | kWorkForNone));
}

TEST_CASE("mm_cid: three CPUs, four tasks", "[rseq.D01]") {
  check_holds({.cpus = 3, .tasks = 4, .allowed = 3, .least_threshold = 2, .most_states = 30'000'000});
}

TEST_CASE("mm_cid: each rule that is taken away is missed", "[rseq.D01][rseq.D11]") {
  CHECK(is_caught<NoTransitOnSwitchIn>());
  CHECK(is_caught<NoTransitInWalk>());
  CHECK(is_caught<UnguardedDrop>());
  CHECK(is_caught<KeepOnSwitchOut>());
  CHECK(is_caught<KeepSleepers>());
}

TEST_CASE("mm_cid: limits as the table has them", "[rseq.D07][rseq.D08]") {
  struct Line {
    u32 possible, allowed, flips_at, max, threshold;
  };
  const Line lines[] = {{1, 1, 2, 1, 1},    {2, 2, 3, 2, 1},          {3, 3, 4, 3, 1}, {4, 4, 5, 4, 2},
                        {4, 2, 3, 2, 2},    {8, 8, 9, 8, 4},          {8, 4, 6, 5, 3}, {16, 16, 17, 16, 8},
                        {64, 8, 11, 10, 6}, {256, 256, 257, 256, 128}};
  for (const Line& l : lines) {
    u32 users = 1;
    while (users <= sched::cid_max(users, l.allowed, l.possible)) ++users;
    CHECK(users == l.flips_at);
    CHECK(sched::cid_max(users, l.allowed, l.possible) == l.max);
    CHECK(sched::cid_threshold(users, l.allowed, l.possible) == l.threshold);
  }
}

} // namespace runnel::model::cid
