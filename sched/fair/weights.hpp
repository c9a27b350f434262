// SPDX-License-Identifier: Apache-2.0
// Load weights of the nice levels (spec 3.2). Neighbours differ by 1.20 to 1.28: one level is about ten
// percent of CPU between two tasks.
#pragma once

#include "kernel/lib/types.hpp"

#include <array>
#include <sched/fair_entity.hpp>
#include <sched/prio.hpp>

namespace runnel::sched {

inline constexpr std::array<u32, 40> kNiceWeights = {
    88761, 71755, 56483, 46273, 36291, // -20
    29154, 23254, 18705, 14949, 11916, // -15
    9548,  7620,  6100,  4904,  3906,  // -10
    3121,  2501,  1991,  1586,  1277,  // -5
    1024,  820,   655,   526,   423,   // 0
    335,   272,   215,   172,   137,   // 5
    110,   87,    70,    56,    45,    // 10
    36,    29,    23,    18,    15,    // 15
};
inline constexpr u32 kIdlePolicyWeight = 3;

/// Weights inside the kernel have ten more bits, so that light tasks keep some resolution.
constexpr u64 scale_load(u32 weight) { return u64{weight} << 10; }

constexpr u64 weight_of_nice(i32 nice) { return scale_load(kNiceWeights[static_cast<u32>(nice - kMinNice)]); }

/// In-kernel weight of a task. The nice value of an IDLE task is kept but has no effect (spec 3.10).
constexpr u64 weight_of(Policy policy, i32 static_prio) {
  return policy == Policy::kIdle ? scale_load(kIdlePolicyWeight) : weight_of_nice(prio_to_nice(static_prio));
}

} // namespace runnel::sched
