// SPDX-License-Identifier: Apache-2.0
// A simulation is a function of its case: the same seed gives the same events, byte for byte; another one
// does not.
#include "tests/sched/storm.hpp"

#include <catch2/catch.hpp>
#include <cstring>

using namespace runnel;

namespace {

std::vector<trace::Event> events_of(u64 seed, const char* shape, sim::Interleaving interleaving) {
  sim::Property property{.name = "determinism"};
  property.body = [](const sim::Case& c) {
    run_storm({.yield = 1, .affinity = 1, .pin = 1, .policy = 1, .fork = 1, .stop = 1, .mixed_classes = true},
              c);
  };
  const sim::Case c{.seed = seed,
                    .shape = *sim::parse_shape(shape),
                    .tasks = 40,
                    .rounds = 20,
                    .interleaving = interleaving};
  return sim::run_case(property, c, sim::Tracing::kOn).trace;
}

bool same(const std::vector<trace::Event>& a, const std::vector<trace::Event>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof a[0]) == 0;
}

} // namespace

TEST_CASE("sim: the same seed gives the same trace, byte for byte") {
  for (const sim::Interleaving interleaving : {sim::Interleaving::kCoarse, sim::Interleaving::kFine})
    for (const char* shape : {"1", "1x4x1", "n2:2x4x2", "8x8x2"}) {
      const std::vector<trace::Event> first = events_of(7, shape, interleaving);
      INFO(shape);
      CHECK(first.size() > 500);
      events_of(8, "1x3x1", interleaving); // whatever ran in between leaves no trace
      CHECK(same(first, events_of(7, shape, interleaving)));
      CHECK_FALSE(same(first, events_of(8, shape, interleaving)));
    }
}
