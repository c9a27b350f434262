// SPDX-License-Identifier: Apache-2.0
// Which CPUs run at which priority (spec 4 RT9, rule B11). Owned by sched/rt.
#pragma once

#include "kernel/lib/cpumask.hpp"

namespace runnel::sched {

struct CpuPri {};

} // namespace runnel::sched
