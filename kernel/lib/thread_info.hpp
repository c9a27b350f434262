// SPDX-License-Identifier: Apache-2.0
// The words of a thread that the interrupt path reads on every entry and exit; first member of every Task.
#pragma once

#include "kernel/lib/types.hpp"

#include <atomic>

namespace runnel {

/// Bits of ThreadInfo::flags (spec sched_core 1.9). kNeedResched is set under the lock of the rq whose `curr`
/// this thread is; kPolling says the idle loop watches the flag, so no IPI is needed (rule B8).
enum ThreadFlag : u32 {
  kNeedResched = 1u << 0,
  kPolling = 1u << 1,
  kNeedReschedLazy = 1u << 2, // honoured at return to user or from the next tick on (spec 1.9 N2, N4)
};

/// Fields of ThreadInfo::preempt_count (spec 1.9): depth of preempt_disable and spinlocks, then of
/// interrupts.
inline constexpr u32 kPreemptOne = 1;
inline constexpr u32 kPreemptMask = 0xff;
inline constexpr u32 kHardirqOne = 1u << 16;
inline constexpr u32 kHardirqMask = 0xfu << 16;
inline constexpr u32 kNmiOne = 1u << 20;
inline constexpr u32 kNmiMask = 0xfu << 20;

struct ThreadInfo {
  std::atomic<u32> flags{0};
  u32 preempt_count = 0; // only this thread (and interrupts on top of it) touches it
};

} // namespace runnel
