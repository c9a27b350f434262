// SPDX-License-Identifier: Apache-2.0
// The scheduler's port on the simulated machine, inline part. The rest is sched/sim/port/port.cpp.
#pragma once

#include "kernel/lib/cpumask.hpp"
#include "kernel/lib/trace_event.hpp"
#include "sched/sim/lock.hpp"

#include <source_location>

namespace runnel::sched::port {

using Lock = sim::Lock;
using Timer = sim::Timer;
using sync::LockRank;

/// A failed check ends the simulation with `invariant` as its name.
[[noreturn]] void assertion_failed(std::source_location where);
[[noreturn]] void locks_held(const char* doing);

inline Instant clock() { return {sim::now_ns}; }
RUNNEL_SIM_ATOMIC inline CpuId this_cpu() { return sim::executing->id; }
RUNNEL_SIM_ATOMIC inline ThreadInfo* current_thread() { return sim::executing->current; }

// The barriers order nothing here: every access takes effect at once, in program order. They are places where
// other CPUs may get in between.
inline void full_barrier() { sim::point(); }
inline void write_barrier() { sim::point(); }
inline void read_barrier() { sim::point(); }
void relax();

RUNNEL_SIM_ATOMIC inline bool irqs_enabled() { return sim::executing->irqs_on; }
RUNNEL_SIM_ATOMIC inline void irq_disable() { sim::executing->irqs_on = false; }
RUNNEL_SIM_ATOMIC inline void irq_enable() {
  sim::executing->irqs_on = true;
  if (sim::executing->next_irq <= sim::now_ns) [[unlikely]]
    sim::take_interrupts();
}

RUNNEL_SIM_ATOMIC inline u32 preempt_count() { return current_thread()->preempt_count; }
RUNNEL_SIM_ATOMIC inline void preempt_disable() { ++current_thread()->preempt_count; }
RUNNEL_SIM_ATOMIC inline void preempt_enable_no_resched() { --current_thread()->preempt_count; }
void preempt_schedule();
RUNNEL_SIM_ATOMIC inline void preempt_enable() {
  preempt_enable_no_resched();
  const ThreadInfo& self = *current_thread();
  if (self.preempt_count == 0 && (self.flags.load(std::memory_order_relaxed) & kNeedResched) != 0 &&
      irqs_enabled()) [[unlikely]]
    preempt_schedule();
}

inline void assert_(bool condition, std::source_location where = std::source_location::current()) {
#ifdef RUNNEL_DEBUG
  if (!condition) [[unlikely]]
    assertion_failed(where);
#else
  (void)condition;
  (void)where;
#endif
}
inline void assert_no_locks_held(const char* doing) {
#ifdef RUNNEL_DEBUG
  if (sim::executing->nr_held != 0) [[unlikely]]
    locks_held(doing);
#else
  (void)doing;
#endif
}

class [[nodiscard]] PreemptGuard {
 public:
  PreemptGuard() { preempt_disable(); }
  ~PreemptGuard() { preempt_enable(); }
  PreemptGuard(const PreemptGuard&) = delete;
  PreemptGuard& operator=(const PreemptGuard&) = delete;
};
using RcuReadGuard = PreemptGuard;

class [[nodiscard]] IrqGuard {
 public:
  IrqGuard() : were_on_(irqs_enabled()) { irq_disable(); }
  ~IrqGuard() {
    if (were_on_) irq_enable();
  }
  IrqGuard(const IrqGuard&) = delete;
  IrqGuard& operator=(const IrqGuard&) = delete;

 private:
  bool were_on_;
};

class SCOPED_CAPABILITY [[nodiscard]] IrqLockGuard {
 public:
  explicit IrqLockGuard(Lock& lock) ACQUIRE(lock) : lock_(lock), were_on_(irqs_enabled()) {
    irq_disable();
    preempt_disable();
    lock_.lock();
  }
  ~IrqLockGuard() RELEASE() {
    lock_.unlock();
    if (were_on_) irq_enable();
    preempt_enable(); // after interrupts are back, so that a pending reschedule is acted on here
  }
  IrqLockGuard(const IrqLockGuard&) = delete;
  IrqLockGuard& operator=(const IrqLockGuard&) = delete;

 private:
  Lock& lock_;
  bool were_on_;
};

// On the way of every event, hence inline.
inline bool tracing = false;
inline bool trace_enabled() { return tracing; }

} // namespace runnel::sched::port
