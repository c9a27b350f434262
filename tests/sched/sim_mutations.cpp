// SPDX-License-Identifier: Apache-2.0
// The checks check something: each deliberate fault of the ground is found, shrunk to a small case and found
// again by the command that is printed.
#include "tests/sched/storm.hpp"

#include <catch2/catch.hpp>

using namespace runnel;

namespace {

sim::Property broken(sim::Mutation mutation, u32 cases) {
  sim::Property property{.max_cpus = 32, .max_rounds = 200, .cases = cases, .mutation = mutation};
  property.name = Catch::getResultCapture().getCurrentTestName();
  property.body = [](const sim::Case& c) { run_storm({.compute = 2, .sleep = 2, .wait = 8}, c); };
  return property;
}

/// Found, with one of `names`; the shrunk case fails again and is no larger than the one it came from.
sim::Finding require_found(sim::Mutation mutation, std::vector<std::string> names, u32 cases = 400) {
  const sim::Property property = broken(mutation, cases);
  const std::optional<sim::Finding> finding = sim::check_property(property);
  REQUIRE(finding);
  INFO(finding->text);
  CHECK(std::find(names.begin(), names.end(), finding->invariant) != names.end());
  const sim::Case& small = finding->shrunk;
  CHECK(small.shape.cpus() <= finding->original.shape.cpus());
  CHECK(small.tasks <= finding->original.tasks);
  CHECK(small.rounds <= finding->original.rounds);
  CHECK(finding->text.find(sim::environment_of(small)) != std::string::npos);
  try {
    sim::run_case(property, small);
    FAIL("the shrunk case passes");
  } catch (const sim::Failure& failure) {
    CHECK(failure.invariant == finding->invariant);
  }
  return *finding;
}

} // namespace

TEST_CASE("sim: a lost reschedule IPI is found and shrunk", "[B8][B9][C09]") {
  const sim::Finding finding = require_found(sim::Mutation::kDropIpi, {"B8", "B9", "C07", "C09", "C14"});
  // A busy CPU's request to balance heals most of them, so that it takes a few CPUs and some tasks to see
  // one.
  CHECK(finding.shrunk.shape.cpus() <= 4);
}

TEST_CASE("sim: a forgotten entry of a wake list is found and shrunk", "[B9][C07]") {
  const sim::Finding finding = require_found(sim::Mutation::kLoseWakeListEntry, {"C07", "C01"});
  CHECK(finding.shrunk.shape.cpus() <= 3);
}

TEST_CASE("sim: a sleeper that looks before it stores its state is found and shrunk", "[B1][C01]") {
  const sim::Finding finding = require_found(sim::Mutation::kSleepUnchecked, {"C01"});
  CHECK(finding.shrunk.shape.cpus() <= 4);
  CHECK(finding.shrunk.interleaving == sim::Interleaving::kFine);
}

TEST_CASE("sim: on_cpu cleared before the task has left is found and shrunk", "[B4][C03]") {
  // Somebody has to look during the few steps in which it is wrong.
  const sim::Finding finding = require_found(sim::Mutation::kEarlyRelease, {"C03", "assert"}, 4000);
  CHECK(finding.shrunk.shape.cpus() <= 8);
}

TEST_CASE("sim: a lost timer is found and shrunk") {
  require_found(sim::Mutation::kDropTimer, {"deadlock", "C01"});
}

TEST_CASE("sim: an interrupt that forgets to preempt is found and shrunk", "[C14]") {
  const sim::Finding finding = require_found(sim::Mutation::kLatePreemption, {"C14"});
  CHECK(finding.shrunk.shape.cpus() <= 2);
}
