// SPDX-License-Identifier: Apache-2.0
// Makes a failing case small: fewer CPUs, tasks and rounds that still break the same invariant.
#pragma once

#include "sched/sim/property.hpp"

namespace runnel::sim {

struct Shrunk {
  Case smallest;
  std::string failure; // its text
  u32 runs = 0;
};

/// Greedy: takes the first smaller case that fails, until none does. A smaller case draws other random
/// numbers, so each is tried with several seeds.
Shrunk shrink(const Property& property, const Case& failing, const Failure& failure);

} // namespace runnel::sim
