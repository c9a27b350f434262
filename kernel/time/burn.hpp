// SPDX-License-Identifier: Apache-2.0
// Executing for a while. In a deterministic machine an instruction is a nanosecond whatever it does, and
// costs the host nothing if that is nothing; where instructions are no measure, the clock is.
#pragma once

#include "kernel/time/clock.hpp"

namespace runnel::time {

/// Executes for `length` and at most a quarter of a microsecond more. Whoever burns in a loop relaxes in it
/// (arch::Cpu::relax), or else the other CPUs have no turn; but not oftener than each microsecond, for an
/// emulator leaves its loop there, which costs the host more than the rest.
inline void burn(Duration length) {
  const Instant end = now() + length;
  for (Duration left = length; left.ns > 0; left = end - now())
    for (i64 n = 0; n < left.ns; n += 250) asm volatile(".rept 248\n nop\n .endr");
}

} // namespace runnel::time
