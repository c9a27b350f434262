// SPDX-License-Identifier: Apache-2.0
// The monotonic clock.
#pragma once

#include <arch/cpu.hpp>
#include <arch/timer.hpp>

namespace runnel::time {

/// Nanoseconds since boot; never goes back, on whatever CPU it is asked. 0 until the clock is found.
inline Instant now() { return arch::clock_now(); }

/// Burns CPU until `d` has passed. For hardware; anything else sleeps.
inline void delay(Duration d) {
  const Instant end = now() + d;
  while (now().is_before(end)) arch::Cpu::relax();
}

} // namespace runnel::time
