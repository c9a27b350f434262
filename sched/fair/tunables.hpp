// SPDX-License-Identifier: Apache-2.0
// The default slice and how it grows with the number of CPUs (spec 3.1): more CPUs, fewer tasks on each, so
// longer requests cost little latency.
#pragma once

#include "sched/fair/eevdf.hpp"

#include <atomic>
#include <sched/port.hpp>

namespace runnel::sched {

enum class SliceScaling : u32 { kNone = 0, kLog = 1, kLinear = 2 };

/// What the unscaled slice is multiplied by.
constexpr u64 slice_factor(SliceScaling scaling, u32 cpus) {
  const u32 counted = cpus < 1 ? 1 : cpus > 8 ? 8 : cpus;
  switch (scaling) {
  case SliceScaling::kNone:
    return 1;
  case SliceScaling::kLinear:
    return counted;
  case SliceScaling::kLog:
    break;
  }
  return 1 + (31 - static_cast<u32>(__builtin_clz(counted)));
}

/// Read without a lock; a value that is about to change is as good as one that just did.
struct FairTunables {
  std::atomic<u64> base_slice{700'000};     // ns, scaled
  std::atomic<u64> unscaled_slice{700'000}; // ns
  std::atomic<SliceScaling> scaling{SliceScaling::kLog};
};
extern FairTunables fair_tunables;

/// Recomputes base_slice for `cpus` online CPUs.
void scale_base_slice(u32 cpus);

inline eevdf::Rules fair_rules() {
  return {.base_slice = fair_tunables.base_slice.load(std::memory_order_relaxed),
          .unscaled_slice = fair_tunables.unscaled_slice.load(std::memory_order_relaxed),
          .tick = static_cast<u64>(port::kTick.ns),
          .switches = features};
}

} // namespace runnel::sched
