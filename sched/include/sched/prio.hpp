// SPDX-License-Identifier: Apache-2.0
// Policies and the internal priority scale (spec 0): -1 deadline, 0..98 rt, 99 "no rt task", 100..139 fair
// and ext.
#pragma once

#include "kernel/lib/types.hpp"

namespace runnel::sched {

/// Linux's policy numbers.
enum class Policy : u32 { kNormal = 0, kFifo = 1, kRr = 2, kBatch = 3, kIdle = 5, kDeadline = 6, kExt = 7 };

constexpr bool is_fair_policy(Policy p) {
  return p == Policy::kNormal || p == Policy::kBatch || p == Policy::kIdle;
}
constexpr bool is_rt_policy(Policy p) { return p == Policy::kFifo || p == Policy::kRr; }
constexpr bool is_dl_policy(Policy p) { return p == Policy::kDeadline; }

inline constexpr i32 kDlPrio = -1;
inline constexpr i32 kMaxRtPrio = 100; // rt priorities are 0..98; 99 marks a CPU without rt tasks
inline constexpr i32 kDefaultPrio = 120;
inline constexpr i32 kMinNice = -20;
inline constexpr i32 kMaxNice = 19;

constexpr i32 nice_to_prio(i32 nice) { return kDefaultPrio + nice; }
constexpr i32 prio_to_nice(i32 prio) { return prio - kDefaultPrio; }
constexpr i32 rt_to_prio(u32 rt_priority) { return kMaxRtPrio - 1 - static_cast<i32>(rt_priority); }
constexpr bool is_dl_prio(i32 prio) { return prio < 0; }
constexpr bool is_rt_prio(i32 prio) { return prio >= 0 && prio < kMaxRtPrio; }

} // namespace runnel::sched
