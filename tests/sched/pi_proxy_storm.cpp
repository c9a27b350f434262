// SPDX-License-Identifier: Apache-2.0
// Proxy execution in storms (spec 6): mutexes over mixed classes and affinities, on machines of every shape,
// with CPUs that come and go. The machine checks at every step that nobody executes in two places, outside
// its mask or while it waits for a mutex; schedule() itself checks P08.
#include "tests/sched/storm.hpp"

#include <catch2/catch.hpp>
#include <sched/features.hpp>

using namespace runnel;
using sched::features;
using sched::ProxyLevel;

namespace {

void proxy_storm(const Storm& kind, sim::Property bounds = {}, ProxyLevel level = ProxyLevel::kWakeReturn) {
  const WithFeature proxy(features.proxy_exec, true);
  const WithFeature at_level(features.proxy_level, level);
  bounds.body = [kind](const sim::Case& c) { run_storm(kind, c); };
  require_property(std::move(bounds));
}

constexpr Storm kSections{
    .sleep = 1, .wait = 1, .affinity = 1, .pin = 1, .policy = 1, .section = 8, .mixed_classes = true};

Storm with_deadlines(Storm storm) {
  storm.affinity = 0; // a deadline task's mask stays
  storm.pin = 0;
  storm.policy_deadline = true;
  return storm;
}

} // namespace

TEST_CASE("proxy storm: owners execute for waiters, the wake-up returns these", "[storm][P04][P05][P08]") {
  proxy_storm(kSections, {.max_cpus = 16, .max_tasks = 24, .cases = 100});
}

TEST_CASE("proxy storm: the picker returns waiters", "[storm][P04][P05][P08]") {
  proxy_storm(kSections, {.max_cpus = 16, .max_tasks = 24, .cases = 60}, ProxyLevel::kMove);
}

TEST_CASE("proxy storm: chains on one CPU only", "[storm][P04][P05][P08]") {
  proxy_storm(kSections, {.max_cpus = 16, .max_tasks = 24, .cases = 60}, ProxyLevel::kOneCpu);
}

TEST_CASE("proxy storm: deadline tasks lend their runtime", "[storm][P04][P08][D31]") {
  proxy_storm(with_deadlines(kSections), {.max_cpus = 8, .max_tasks = 12, .cases = 60});
}

TEST_CASE("proxy storm: mutexes in any order, circles refused", "[storm][P04][R14]") {
  proxy_storm({.sleep = 1, .wait = 0, .policy = 2, .lock = 8, .mixed_classes = true}, {.max_cpus = 16});
}

TEST_CASE("proxy storm: CPUs go down and come up", "[storm][P04][P05][P08][C22]") {
  Storm kind = kSections;
  kind.hotplug = true;
  proxy_storm(kind, {.max_cpus = 16, .max_tasks = 24, .cases = 60});
}

TEST_CASE("proxy storm: CPUs go down under deadline tasks", "[storm][P04][P05][D32]") {
  Storm kind = with_deadlines(kSections);
  kind.hotplug = true;
  proxy_storm(kind, {.max_cpus = 8, .max_tasks = 12, .cases = 40});
}

TEST_CASE("storm: CPUs go down under deadline tasks that hold mutexes", "[storm][D32][C22]") {
  Storm kind = with_deadlines(kSections);
  kind.hotplug = true;
  require_property({.max_cpus = 8, .max_tasks = 12, .body = [&](const sim::Case& c) { run_storm(kind, c); }});
}

// A chain is looked at link by link: an owner that has passed the mutex on and waits for the one who looks,
// by the time it is looked at, is no circle.
TEST_CASE("storm: short sections of few mutexes, no circle is seen where none is", "[storm][R14]") {
  require_property(
      {.max_cpus = 4, .max_tasks = 8, .max_rounds = 200, .cases = 300, .body = [](const sim::Case& c) {
         run_storm({.compute = 0, .sleep = 1, .wait = 0, .section = 16, .mixed_classes = true}, c);
       }});
}

TEST_CASE("storm: sections of several mutexes, owners boosted", "[storm][R14]") {
  const Storm kinds[] = {kSections, with_deadlines(kSections)};
  for (const Storm& kind : kinds)
    require_property(
        {.max_cpus = 16, .max_tasks = 24, .body = [&](const sim::Case& c) { run_storm(kind, c); }});
}
