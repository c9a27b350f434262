// SPDX-License-Identifier: Apache-2.0
// P03: the table of resolution of proxy execution, all of it, on three tasks, two CPUs and two mutexes.
#include "tests/model/proxy_search.hpp"

#include <catch2/catch.hpp>

using namespace runnel::model::proxy;

namespace {

constexpr Op kLock0{Op::kLock, 0}, kLock1{Op::kLock, 1}, kUnlock0{Op::kUnlock, 0}, kUnlock1{Op::kUnlock, 1};
constexpr Op kSleep{Op::kSleep, 0};

const std::vector<Op> kOuter = {kLock0, kUnlock0};
const std::vector<Op> kOuterSleeping = {kLock0, kSleep, kUnlock0};
const std::vector<Op> kInner = {kLock1, kUnlock1};
const std::vector<Op> kInnerSleeping = {kLock1, kSleep, kUnlock1};
const std::vector<Op> kNested = {kLock0, kLock1, kUnlock1, kUnlock0};
const std::vector<Op> kSleeper = {kSleep};

constexpr std::uint8_t kOn0 = 1, kOn1 = 2, kAnywhere = 3;

struct Case {
  const char* name;
  Setup setup;
};

/// The small ones first: most mutants are caught there.
const Case kCases[] = {
    {"others move tasks",
     {.programs = {kOuter, kOuter, kSleeper}, .allowed = {kOn0, kOn1, kAnywhere}, .movers = true}},
    {"owners sleep",
     {.programs = {kOuterSleeping, kOuterSleeping, kSleeper},
      .allowed = {kOn0, kOn1, kAnywhere},
      .signals = true}},
    {"two tasks anywhere", {.programs = {kOuter, kOuter, kSleeper}, .allowed = {kAnywhere, kAnywhere, kOn0}}},
    {"chain on one CPU, its end sleeps",
     {.programs = {kOuter, kNested, kInnerSleeping}, .allowed = {kOn0, kOn0, kOn0}, .signals = true}},
    {"chain over two CPUs", {.programs = {kOuter, kNested, kInner}, .allowed = {kOn0, kOn1, kOn0}}},
    {"chain over two CPUs, its end sleeps",
     {.programs = {kOuter, kNested, kInnerSleeping}, .allowed = {kOn0, kOn1, kOn0}}},
    {"one mutex", {.programs = {kOuter, kOuter, kOuter}, .allowed = {kOn0, kOn1, kOn0}}},
    {"one mutex, its owner sleeps",
     {.programs = {kOuterSleeping, kOuter, kOuter}, .allowed = {kOn0, kOn1, kOn1}}},
};

std::string way_of(const Found& found) {
  std::string way = found.wrong;
  for (const std::string& step : found.way) way += "\n  " + step;
  return way;
}

void check_all(Level level) {
  for (const Case& c : kCases) {
    Setup setup = c.setup;
    setup.level = level;
    const Found found = search(setup);
    INFO(c.name << ": " << found.states << " states, " << way_of(found));
    CHECK(found.wrong.empty());
    CHECK(found.states > 1000);
  }
}

} // namespace

TEST_CASE("P03: no deadlock, no double run, no lost task; chains on one CPU", "[P03]") {
  check_all(Level::kOneCpu);
}

TEST_CASE("P03: no deadlock, no double run, no lost task; donors are moved", "[P03]") {
  check_all(Level::kMoves);
}

TEST_CASE("P03: every row of the table is used", "[P03]") {
  std::array<std::size_t, static_cast<std::size_t>(Row::kCount)> used{};
  for (const char* name :
       {"owners sleep", "chain on one CPU, its end sleeps", "chain over two CPUs, its end sleeps"})
    for (const Case& c : kCases)
      if (std::string(name) == c.name) {
        const Found found = search(c.setup);
        for (std::size_t row = 0; row < used.size(); ++row) used[row] += found.rows[row];
      }
  for (std::size_t row = 0; row < used.size(); ++row) {
    INFO(name_of(static_cast<Row>(row)));
    // That the owner left between two looks cannot happen: only this CPU, which holds its rq lock, could take
    // it off its queue here, and whoever brings it here needs that lock to queue it.
    CHECK((used[row] != 0) == (static_cast<Row>(row) != Row::kOwnerMoved));
  }
}

TEST_CASE("P03: every error put into the table is noticed", "[P03]") {
  for (int m = 1; m < static_cast<int>(Mutation::kCount); ++m) {
    const auto mutation = static_cast<Mutation>(m);
    DYNAMIC_SECTION(name_of(mutation)) {
      // The lock is held throughout, and a waker waits for on_cpu (B4): here it is one more way to block.
      // What makes it an error, the class's own pointer to its current entity, is not in this model.
      const bool harmless = mutation == Mutation::kBlockCurr;
      bool noticed = false;
      for (const Case& c : kCases) {
        Setup setup = c.setup;
        setup.mutation = mutation;
        noticed = noticed || !search(setup).wrong.empty();
        if (noticed) break;
      }
      CHECK(noticed != harmless);
    }
  }
}
