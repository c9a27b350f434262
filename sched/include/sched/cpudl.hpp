// SPDX-License-Identifier: Apache-2.0
// The earliest deadline of each CPU of a root domain (spec 5.4). Owned by sched/deadline.
#pragma once

#include "kernel/lib/cpumask.hpp"

namespace runnel::sched {

struct CpuDl {};

} // namespace runnel::sched
