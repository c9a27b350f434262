// SPDX-License-Identifier: Apache-2.0
// Starting other CPUs: INIT-SIPI-SIPI, PSCI CPU_ON.
#pragma once

#include "kernel/lib/errno.hpp"
#include "kernel/lib/thread_info.hpp"

#include <arch/machine.hpp>
#include <arch/mmu.hpp>

namespace runnel::arch {

/// Once, before the first start_cpu: finds room for what the new CPUs execute first. `low_page` is a free
/// page below 1 MiB on x86_64 (its first instructions run in real mode there); ignored on aarch64.
void smp_init(const MachineInfo& machine, const PageTable& kernel_table, PhysAddr low_page);

/// Starts `cpu` on `stack_top` with `idle` as its current thread; it ends in upcall::secondary_start. Returns
/// as soon as the request was accepted. kNODEV: the firmware refused; kTIMEDOUT is the caller's to find. One
/// start at a time: the next only after secondary_start of the last has been reached.
Result<> start_cpu(CpuId cpu, VirtAddr stack_top, ThreadInfo* idle);

/// This CPU stops for good, interrupts off, until start_cpu starts it anew; its stack is not used any more.
[[noreturn]] void cpu_park();
/// `cpu` has reached the end of cpu_park and may be started again.
bool cpu_is_parked(CpuId cpu);

} // namespace runnel::arch
