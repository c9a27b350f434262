// SPDX-License-Identifier: Apache-2.0
// The page the kernel writes and the vDSO's functions read: it lies right below the vDSO's image.
#pragma once

#include "kernel/lib/types.hpp"

namespace runnel::vdso {

enum Flag : u32 {
  kClock = 1u << 0,     // user mode can read the clock's counter, and the factors below are right
  kCpuNumber = 1u << 1, // x86_64: rdtscp gives CPU | node << kNodeShift
};
inline constexpr u32 kNodeShift = 12;

struct Data {
  u32 sequence; // odd: the rest is being written
  u32 flags;
  u64 base; // counter where the monotonic clock shows 0
  // Nanoseconds of a tick: whole + fraction * 2^-64.
  u64 whole, fraction;
  u64 realtime_at_zero; // ns since 1970 when the monotonic clock shows 0
};

} // namespace runnel::vdso
