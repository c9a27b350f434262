// SPDX-License-Identifier: Apache-2.0
// Storms over seeds and shapes. Each watches one corner of the core; all invariants of
// sched/sim/invariants.cpp are checked at every step of all of them (C03, C04, C10, C11, C12, C13, C14, C16,
// C32, B8, B9, D05, D35).
#include "tests/sched/storm.hpp"

#include <catch2/catch.hpp>

using namespace runnel;

namespace {

void storm(const Storm& kind, sim::Property bounds = {}) {
  bounds.body = [kind](const sim::Case& c) { run_storm(kind, c); };
  require_property(std::move(bounds));
}

} // namespace

TEST_CASE("storm: no wake-up is lost", "[storm][C01][C03][C07][C11][C12][C13][C32]") {
  storm({.compute = 1, .sleep = 1, .wait = 8}, {.max_rounds = 100, .cases = 300, .steps = 300'000});
}

TEST_CASE("storm: no wake-up is lost in a hundred million steps", "[.long][C01]") {
  storm({.compute = 1, .sleep = 1, .wait = 8}, {.max_rounds = 400, .steps = 100'000'000});
}

TEST_CASE("storm: affinity changes while tasks run, sleep and wake", "[storm][C16][C17]") {
  storm({.affinity = 4}, {.max_cpus = 16});
}

TEST_CASE("storm: affinity changes against migrate_disable", "[storm][C18]") {
  storm({.affinity = 4, .pin = 4}, {.max_cpus = 8});
}

TEST_CASE("storm: calls into stoppers", "[storm][C20][C21]") { storm({.stop = 4}, {.max_cpus = 16}); }

TEST_CASE("storm: yields of mixed classes", "[storm][C28]") { storm({.yield = 8, .mixed_classes = true}); }

TEST_CASE("storm: forks and exits", "[storm][C29]") { storm({.wait = 1, .fork = 4, .mixed_classes = true}); }

TEST_CASE("storm: changes of policy and priority", "[storm][C26]") {
  storm({.policy = 4, .mixed_classes = true});
}

TEST_CASE("storm: mutexes in any order, owners boosted and released", "[storm][R14]") {
  storm({.sleep = 1, .wait = 0, .policy = 2, .lock = 8, .mixed_classes = true}, {.max_cpus = 16});
}

TEST_CASE("storm: CPUs go down and come up under mixed load", "[storm][C19][C22]") {
  storm({.affinity = 1, .pin = 2, .policy = 1, .fork = 1, .stop = 1, .hotplug = true, .mixed_classes = true},
        {.max_cpus = 16});
}

TEST_CASE("storm: deadline tasks come, change, migrate and go", "[storm][D05][D30][D35]") {
  storm({.sleep = 4, .yield = 2, .affinity = 1, .pin = 1, .policy = 2, .deadline = 4, .fork = 1},
        {.max_cpus = 16, .max_tasks = 64, .max_rounds = 60, .cases = 100});
}

TEST_CASE("storm: deadline tasks lend and borrow", "[storm][D05][D31][D35]") {
  storm({.sleep = 4, .yield = 1, .wait = 1, .pin = 1, .policy = 2, .deadline = 5, .lock = 8},
        {.max_cpus = 8, .max_tasks = 32, .max_rounds = 60, .cases = 100});
}

TEST_CASE("storm: everything at once", "[storm][C01][C11][C32]") {
  storm({.yield = 2,
         .affinity = 2,
         .pin = 2,
         .policy = 2,
         .fork = 2,
         .stop = 1,
         .lock = 2,
         .mixed_classes = true},
        {.max_tasks = 64, .max_rounds = 60, .cases = 300});
}

TEST_CASE("storm: a thousand CPUs", "[storm][C01][C11]") {
  storm({.yield = 1, .affinity = 1, .policy = 1, .mixed_classes = true},
        {.max_cpus = 1024, .max_tasks = 2048, .max_rounds = 20, .cases = 6});
}
