// SPDX-License-Identifier: Apache-2.0
// The clock and the per-CPU one-shot timer below kernel/time.
#pragma once

#include "kernel/lib/format.hpp"
#include "kernel/lib/types.hpp"

#include <arch/machine.hpp>

namespace runnel::arch {

/// Finds and calibrates the clock source; the monotonic clock runs from here. Boot CPU, once.
void clock_init(const MachineInfo& machine);
/// On every CPU: checks that its counter agrees with the others (they share one source), programs the timer
/// off.
void timer_init_cpu(CpuId cpu);

/// Monotonic nanoseconds since clock_init. Never goes back, on any CPU, in whatever order CPUs are asked.
/// 0 before clock_init.
Instant clock_now();

/// Interrupt this CPU at `deadline` (at once when past). Replaces what was programmed. Interrupts off.
void timer_arm(Instant deadline);
void timer_stop();

/// "TSC 1000.2 MHz (HPET), APIC timer" or the like.
void clock_describe(Sink& sink);

} // namespace runnel::arch
