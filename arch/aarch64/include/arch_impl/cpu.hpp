// SPDX-License-Identifier: Apache-2.0
// arch::Cpu of aarch64, and what each CPU keeps for itself (TPIDR_EL1).
#pragma once

#include "kernel/lib/thread_info.hpp"
#include "kernel/lib/types.hpp"

#include <string_view>

namespace runnel::arch {

inline constexpr std::string_view kName = "aarch64";

/// One stack: for an overflow of any other.
inline constexpr u32 kEmergencyStacks = 1;

/// A CPU's own words, found through TPIDR_EL1. The offsets of the first three are known to vectors.S.
struct alignas(kCacheLine) CpuLocal {
  u64 cpu = 0;
  u64 emergency_stack_top = 0;
  ThreadInfo* current_user = nullptr; // the thread in user mode, while SP_EL0 is its own
  u64 interrupts_timer = 0, interrupts_ipi = 0, interrupts_device = 0, interrupts_spurious = 0,
      interrupts_nmi = 0;
};

/// Of any CPU; its numbers may change while they are read.
CpuLocal& cpu_local(CpuId cpu);

struct Cpu {
  enum class IrqFlags : u64 {};
  static constexpr u64 kIrqMasked = 1u << 7; // PSTATE.I in DAIF

  static void relax() { asm volatile("yield" ::: "memory"); }

  // Interrupts are masked by PSTATE.I alone. PSTATE.F stays clear, so that the non-maskable request (an SGI
  // of GIC group 0, delivered as FIQ) comes through; irqchip.cpp.
  static IrqFlags irq_save() {
    u64 flags;
    asm volatile("mrs %0, daif\n\tmsr daifset, #2" : "=r"(flags)::"memory");
    return static_cast<IrqFlags>(flags);
  }
  static void irq_restore(IrqFlags flags) {
    if ((static_cast<u64>(flags) & kIrqMasked) == 0) irq_enable();
  }
  static void irq_enable() { asm volatile("msr daifclr, #2" ::: "memory"); }
  static void irq_disable() { asm volatile("msr daifset, #2" ::: "memory"); }
  static bool irqs_enabled() {
    u64 flags;
    asm volatile("mrs %0, daif" : "=r"(flags)::"memory");
    return (flags & kIrqMasked) == 0;
  }

  static void wait_for_interrupt() {
    // WFI ends for a pending interrupt whether or not PSTATE.I masks it, so one that came before is not slept
    // over.
    asm volatile("dsb sy\n\twfi\n\tmsr daifclr, #2\n\tisb\n\tmsr daifset, #2" ::: "memory");
  }

  static CpuLocal& local() {
    CpuLocal* local;
    asm volatile("mrs %0, tpidr_el1"
                 : "=r"(local)); // volatile: a thread may be on another CPU at the next call
    return *local;
  }
  static CpuId this_cpu() { return {static_cast<u32>(local().cpu)}; }

  static ThreadInfo* current() {
    ThreadInfo* thread;
    asm volatile("mrs %0, sp_el0" : "=r"(thread));
    return thread;
  }
  static void set_current(ThreadInfo* thread) { asm volatile("msr sp_el0, %0" ::"r"(thread) : "memory"); }

  static void full_barrier() { asm volatile("dmb ish" ::: "memory"); }
  static uptr frame_pointer() { return reinterpret_cast<uptr>(__builtin_frame_address(0)); }
  static u64 cycles() {
    u64 count;
    asm volatile("mrs %0, cntvct_el0" : "=r"(count)::"memory");
    return count;
  }
};

} // namespace runnel::arch
