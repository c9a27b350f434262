// SPDX-License-Identifier: Apache-2.0
// Whether the TSC of a CPU that starts agrees with that of the CPU that starts it. They exchange times back
// and forth; a time that arrives before it was sent is a disagreement. Where there is one, or no exchange
// came about, clock_now is held to the newest time any CPU has seen, so that it still never goes back.
#pragma once

#include "kernel/lib/types.hpp"

namespace runnel::arch {

/// On the starting side: before the start request, and after it (waits for the other side up to some
/// milliseconds).
void clock_check_begin();
void clock_check_end();
/// On the new CPU, first thing.
void clock_check_arrive();

} // namespace runnel::arch
