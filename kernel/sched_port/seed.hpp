// SPDX-License-Identifier: Apache-2.0
// `seed=` of the command line, for the scheduler's pseudo-random draws. Set before the first CPU is
// initialised.
#pragma once

#include "kernel/lib/types.hpp"

namespace runnel {
extern constinit u64 scheduler_seed;
}
