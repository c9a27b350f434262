// SPDX-License-Identifier: Apache-2.0
// Preemption state (spec sched_core 1.9) and its guards, and the guard for interrupt state.
#pragma once

#include "kernel/lib/thread_info.hpp"

#include <arch/cpu.hpp>
#include <atomic>

namespace runnel::sync {

/// Gives the CPU to whoever should have it now. Called where preemption becomes possible again.
void preempt_schedule();

inline void preempt_disable() {
  ++arch::Cpu::current()->preempt_count;
  std::atomic_signal_fence(
      std::memory_order_seq_cst); // the count is up before anything it protects is touched
}

/// Lowers the count without looking at need_resched: for code that calls schedule() itself right after.
inline void preempt_enable_no_resched() {
  std::atomic_signal_fence(std::memory_order_seq_cst);
  --arch::Cpu::current()->preempt_count;
}

inline void preempt_enable() {
  preempt_enable_no_resched();
  ThreadInfo* self = arch::Cpu::current();
  if (self->preempt_count == 0 && (self->flags.load(std::memory_order_relaxed) & kNeedResched) != 0 &&
      arch::Cpu::irqs_enabled()) [[unlikely]]
    preempt_schedule();
}

inline bool in_hardirq() { return (arch::Cpu::current()->preempt_count & (kHardirqMask | kNmiMask)) != 0; }

/// Keeps the thread on its CPU: neither preempted nor migrated while it lives. Nests.
class [[nodiscard]] PreemptGuard {
 public:
  PreemptGuard() { preempt_disable(); }
  ~PreemptGuard() { preempt_enable(); }
  PreemptGuard(const PreemptGuard&) = delete;
  PreemptGuard& operator=(const PreemptGuard&) = delete;
};

/// Keeps interrupts off while it lives (and with them preemption). Nests.
class [[nodiscard]] IrqGuard {
 public:
  IrqGuard() : flags_(arch::Cpu::irq_save()) {}
  ~IrqGuard() { arch::Cpu::irq_restore(flags_); }
  IrqGuard(const IrqGuard&) = delete;
  IrqGuard& operator=(const IrqGuard&) = delete;

 private:
  arch::Cpu::IrqFlags flags_;
};

} // namespace runnel::sync
