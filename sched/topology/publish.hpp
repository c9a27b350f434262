// SPDX-License-Identifier: Apache-2.0
// The set of domains that is in force.
#pragma once

#include "sched/topology/builder.hpp"

namespace runnel::sched {

/// nullptr before the first build. Stays while a port::RcuReadGuard is held or interrupts are off.
const DomainBuilder* current_domains();

} // namespace runnel::sched
