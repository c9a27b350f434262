// SPDX-License-Identifier: Apache-2.0

// Debug images: a task's stack is used by one CPU at a time, and by nobody while the task does not run
// (properties C03 and C04 of spec sched_core). Checked at every switch; a violation is a panic.
#pragma once

#include "kernel/debug/panic.hpp"
#include "kernel/task/task.hpp"

#include <arch/cpu.hpp>

namespace runnel::sched::port {

#ifdef RUNNEL_DEBUG

inline constexpr u32 kSealWords = 8;
inline constexpr u64 kSeal = 0x5ea1'ed5e'a1ed'5ea1;

/// The words below a saved stack pointer; nobody's until the task runs again (there is no red zone).
inline u64* seal_of(const runnel::Task& task) { return reinterpret_cast<u64*>(task.context.sp) - kSealWords; }

/// Just before the switch to `next`.
inline void take_stack(runnel::Task& next) {
  RUNNEL_BUG_ON(next.running_on.exchange(arch::Cpu::this_cpu().value + 1, std::memory_order_relaxed) != 0);
  if (!next.stack_sealed) return; // it has never left a CPU
  for (u32 i = 0; i < kSealWords; ++i) RUNNEL_BUG_ON(seal_of(next)[i] != kSeal);
  next.stack_sealed = false;
}

/// Just after the switch away from `prev`, before B4 lets others have it.
inline void release_stack(runnel::Task& prev) {
  for (u32 i = 0; i < kSealWords; ++i) seal_of(prev)[i] = kSeal;
  prev.stack_sealed = true;
  prev.running_on.store(0, std::memory_order_relaxed);
}

#else

inline void take_stack(runnel::Task&) {}
inline void release_stack(runnel::Task&) {}

#endif

} // namespace runnel::sched::port
