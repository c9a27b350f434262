// SPDX-License-Identifier: Apache-2.0
// What a domain of each level is like before it has members (spec 7.2).
#pragma once

#include <sched/domain.hpp>

namespace runnel::sched {

/// Flags, thresholds and intervals of a domain of `weight` CPUs. `distance`: of a NUMA level.
SchedDomain domain_properties(DomainLevel level, u32 weight, u8 distance, Instant now);

} // namespace runnel::sched
