// SPDX-License-Identifier: Apache-2.0
// The functions an architecture calls in the kernel above it: declared here, defined in kernel/. arch/
// includes nothing else of the kernel.
#pragma once

#include "kernel/lib/thread_info.hpp"
#include "kernel/lib/types.hpp"

#include <arch/exception.hpp>
#include <arch/irqchip.hpp>
#include <arch/user.hpp>

namespace runnel::upcall {

enum class Interrupt : u8 { kTimer, kIpi, kDevice };

/// An interrupt that the controller has already been told about (acknowledged and ended). `number`: the Ipi
/// for kIpi, the GSI/SPI for kDevice. Interrupts are off. May switch to another thread before it returns.
void interrupt(Interrupt kind, u32 number, arch::Registers& regs);

/// The dump/stop request that also reaches a CPU whose interrupts are off. On the NMI stack (x86_64) or on
/// the interrupted stack with interrupts masked at both levels (aarch64). Must take no lock.
void nmi(arch::Registers& regs);

/// A synchronous fault or machine check. Returns only when `regs` were changed so that the thread can go on.
void fault(const arch::Fault& fault, arch::Registers& regs);

/// A system call of the current thread, interrupts on. Sets the result.
void syscall(arch::UserRegs& regs);
/// A synchronous fault in user mode, interrupts on. Returns to go on (or to take a signal) with `regs`.
void user_fault(const arch::Fault& fault, arch::UserRegs& regs);
/// First thing of every entry from user mode that is no system call and no NMI: an interrupt, a fault, a
/// trap. Interrupts are off.
void user_entry();
/// On every way to user mode (system call, interrupt, fault, first entry). Called with interrupts off,
/// returns with interrupts off and nothing left to do; in between it may sleep, change `regs`, or never
/// return.
void exit_to_user(arch::UserRegs& regs);

/// First C++ function of a secondary CPU, after arch::cpu_init, interrupts off, on its idle thread's stack.
[[noreturn]] void secondary_start(CpuId cpu);

/// Maps device registers into the vmap area, uncached, read-write. Never fails: panics when out of space.
void* map_device(PhysAddr base, u64 size);

} // namespace runnel::upcall

/// First code of a new thread, called by the context switch with interrupts off; `prev` is the thread that
/// was switched away from (it must be finished exactly as after a normal switch).
extern "C" [[noreturn]] void runnel_thread_start(runnel::ThreadInfo* prev);
