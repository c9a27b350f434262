// SPDX-License-Identifier: Apache-2.0
// Properties over many seeds: runs a scenario on machines of every shape, and when an invariant fails shrinks
// the case to a small one that fails the same way and says how to run it again.
#pragma once

#include "sched/sim/machine.hpp"

#include <optional>

namespace runnel::sim {

/// One simulation of a property. Everything random in it follows from the seed.
struct Case {
  u64 seed = 1;
  Shape shape;
  u32 tasks = 1;
  u32 rounds = 1; // of every task
  Interleaving interleaving = Interleaving::kCoarse;
  Mutation mutation = Mutation::kNone;
};

/// `RUNNEL_SIM_SEED=7 RUNNEL_SIM_SHAPE=1x2x1 ...`: what makes check_property run exactly this case.
std::string environment_of(const Case& c);

struct Property {
  std::string name{}; // of the test
  u32 max_cpus = 64;
  u32 max_tasks = 32;
  u32 max_rounds = 30;
  u32 cases = 300; // RUNNEL_SIM_CASES multiplies
  u64 steps = 0;   // goes on until so many steps are done, whatever `cases` says
  Mutation mutation = Mutation::kNone;
  std::function<void(const Case&)> body{}; // runs as the task "init"
};

struct Finding {
  Case original;
  Case shrunk;
  std::string invariant;
  std::string text; // for a person: both cases, their commands, the shrunk one's failure
};

/// Nothing when every case passed. With RUNNEL_SIM_SEED in the environment runs that case only.
std::optional<Finding> check_property(const Property& property);

/// The case a seed stands for, within the property's bounds.
Case generate(const Property& property, u64 seed);

/// Runs one case.
Outcome run_case(const Property& property, const Case& c, Tracing tracing = Tracing::kOff);

} // namespace runnel::sim
