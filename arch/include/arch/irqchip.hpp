// SPDX-License-Identifier: Apache-2.0
// Interrupt controllers and inter-processor interrupts: local APIC + I/O APIC, GICv3.
#pragma once

#include "kernel/lib/errno.hpp"
#include "kernel/lib/types.hpp"

#include <arch/machine.hpp>

namespace runnel::arch {

enum class Ipi : u32 {
  kReschedule = 0,   // look at need_resched and the wake list
  kCallFunction = 1, // drain this CPU's call-function list
  kIrqWork = 2,      // deferred work, sent to oneself
  kStop = 3,         // halt for ever with interrupts off
};
inline constexpr u32 kNrIpis = 4;

/// Once, on the boot CPU, after page tables exist.
void irqchip_init(const MachineInfo& machine);
/// On every CPU, interrupts off.
void irqchip_init_cpu(CpuId cpu);

/// Sends `ipi` to one CPU (which may be this one). Everything stored before is visible to the handler.
void send_ipi(CpuId to, Ipi ipi);
/// Interrupts `to` even when it has interrupts disabled; ends in upcall::nmi there.
void send_nmi(CpuId to);

/// Device interrupt `irq` (x86_64: ISA IRQ or GSI after overrides; aarch64: SPI number from 0) goes to `cpu`.
Result<> irq_enable_line(u32 irq, CpuId cpu);
void irq_disable_line(u32 irq);

/// Interrupts of each kind this CPU has taken, for statistics: timer, ipi, device, spurious.
struct IrqCounts {
  u64 timer, ipi, device, spurious, nmi;
};
IrqCounts irq_counts(CpuId cpu);

} // namespace runnel::arch
