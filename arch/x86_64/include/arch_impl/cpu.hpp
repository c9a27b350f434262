// SPDX-License-Identifier: Apache-2.0
// arch::Cpu of x86_64, and what each CPU keeps for itself (GS base).
#pragma once

#include "kernel/lib/thread_info.hpp"
#include "kernel/lib/types.hpp"

#include <string_view>

namespace runnel::arch {

inline constexpr std::string_view kName = "x86_64";

/// Stacks of their own for NMI, double fault and machine check, in the order of their IST slots 1, 2, 3.
inline constexpr u32 kEmergencyStacks = 3;

/// A CPU's own words, found through GS. The offsets of the first five are known to the assembler.
struct alignas(kCacheLine) CpuLocal {
  CpuLocal* self = nullptr;
  ThreadInfo* current = nullptr;
  u64 cpu = 0;
  u64 kernel_sp = 0; // top of the current thread's kernel stack, for system calls
  u64 user_sp = 0;   // scratch of the system-call entry
  u64 interrupts_timer = 0, interrupts_ipi = 0, interrupts_device = 0, interrupts_spurious = 0,
      interrupts_nmi = 0;
};

CpuLocal& cpu_local(CpuId cpu);

struct Cpu {
  enum class IrqFlags : u64 {};
  static constexpr u64 kInterruptFlag = 1u << 9;

  static void relax() { asm volatile("pause" ::: "memory"); }

  static IrqFlags irq_save() {
    u64 flags;
    asm volatile("pushfq\n\tpopq %0\n\tcli" : "=r"(flags)::"memory");
    return static_cast<IrqFlags>(flags);
  }
  static void irq_restore(IrqFlags flags) {
    if ((static_cast<u64>(flags) & kInterruptFlag) != 0) irq_enable();
  }
  static void irq_enable() { asm volatile("sti" ::: "memory"); }
  static void irq_disable() { asm volatile("cli" ::: "memory"); }
  static bool irqs_enabled() {
    u64 flags;
    asm volatile("pushfq\n\tpopq %0" : "=r"(flags)::"memory");
    return (flags & kInterruptFlag) != 0;
  }

  // sti takes effect after the instruction that follows it, so no interrupt can come between it and hlt.
  static void wait_for_interrupt() { asm volatile("sti\n\thlt\n\tcli" ::: "memory"); }

  // volatile: a thread may be on another CPU at the next call.
  static CpuId this_cpu() {
    u64 cpu;
    asm volatile("movq %%gs:16, %0" : "=r"(cpu));
    return {static_cast<u32>(cpu)};
  }
  static CpuLocal& local() {
    CpuLocal* local;
    asm volatile("movq %%gs:0, %0" : "=r"(local));
    return *local;
  }

  // Not volatile: the same for as long as the thread runs this code, whatever CPU it is on.
  static ThreadInfo* current() {
    ThreadInfo* thread;
    asm("movq %%gs:8, %0" : "=r"(thread));
    return thread;
  }
  static void set_current(ThreadInfo* thread) { asm volatile("movq %0, %%gs:8" ::"r"(thread) : "memory"); }

  static void full_barrier() { asm volatile("mfence" ::: "memory"); }
  static uptr frame_pointer() { return reinterpret_cast<uptr>(__builtin_frame_address(0)); }
  static u64 cycles() {
    u32 low;
    u32 high;
    asm volatile("rdtsc" : "=a"(low), "=d"(high));
    return static_cast<u64>(high) << 32 | low;
  }
};

} // namespace runnel::arch
