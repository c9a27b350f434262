// SPDX-License-Identifier: Apache-2.0
// The scheduler's port on real hardware, inline part. The rest is kernel/sched_port/port.cpp.
#pragma once

#include "kernel/debug/panic.hpp"
#include "kernel/sync/preempt.hpp"
#include "kernel/sync/rcu.hpp"
#include "kernel/sync/spinlock.hpp"
#include "kernel/time/timer.hpp"

#include <arch/cpu.hpp>

namespace runnel::sched::port {

using Lock = sync::SpinLock;
using IrqLockGuard = sync::IrqSpinGuard;
using sync::IrqGuard;
using sync::LockRank;
using sync::preempt_disable;
using sync::preempt_enable;
using sync::preempt_enable_no_resched;
using sync::PreemptGuard;
using sync::RcuReadGuard;
using Timer = time::Timer;

inline void full_barrier() { arch::Cpu::full_barrier(); }
inline void write_barrier() { std::atomic_thread_fence(std::memory_order_release); }
inline void read_barrier() { std::atomic_thread_fence(std::memory_order_acquire); }
inline void relax() { arch::Cpu::relax(); }
inline CpuId this_cpu() { return arch::Cpu::this_cpu(); }
inline ThreadInfo* current_thread() { return arch::Cpu::current(); }
inline void irq_enable() { arch::Cpu::irq_enable(); }
inline void irq_disable() { arch::Cpu::irq_disable(); }
inline bool irqs_enabled() { return arch::Cpu::irqs_enabled(); }
inline u32 preempt_count() { return arch::Cpu::current()->preempt_count; }
inline void assert_(bool condition) { RUNNEL_ASSERT(condition); }
/// Debug builds: panics, saying what was attempted, when this CPU holds a spinlock.
inline void assert_no_locks_held(const char* doing) { sync::lockdep_assert_none_held(nullptr, doing); }

} // namespace runnel::sched::port
