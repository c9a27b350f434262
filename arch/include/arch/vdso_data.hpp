// SPDX-License-Identifier: Apache-2.0
// The page the kernel writes and the vDSO's functions read: it lies right below the vDSO's image.
#pragma once

#include "kernel/lib/types.hpp"

namespace runnel::vdso {

enum Flag : u32 {
  kClock = 1u << 0,     // user mode can read the clock's counter, and the factors below are right; without
                        // it the sequence stays odd, so that only those who look for a reason look here
  kCpuNumber = 1u << 1, // x86_64: rdtscp gives CPU | node << kNodeShift
};
inline constexpr u32 kNodeShift = 12;

enum class Epoch : u32 { kBoot, k1970 };

struct Data {
  u32 sequence; // odd: the rest is being written, or there is no kClock
  u32 flags;
  u64 base; // counter where the monotonic clock shows 0
  // Nanoseconds of a tick: whole + fraction * 2^-64.
  u64 whole, fraction;
  u64 at_zero[2]; // by Epoch: ns since then when the monotonic clock shows 0
};

} // namespace runnel::vdso
