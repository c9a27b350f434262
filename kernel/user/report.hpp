// SPDX-License-Identifier: Apache-2.0
// Programs in the report that ends a run.
#pragma once

#include "kernel/lib/format.hpp"

namespace runnel::user {

/// A line for each thread of user mode: which program, where it is, what it waits in. For when all other CPUs
/// stand still: takes no locks, trusts that lists end within a bound.
void report_threads(Sink& sink);

} // namespace runnel::user
