// SPDX-License-Identifier: Apache-2.0
// The local APIC, through memory (xAPIC) or MSRs (x2APIC): Intel SDM volume 3, chapter 11.
#pragma once

#include "kernel/lib/types.hpp"

namespace runnel::arch {

/// Register numbers as MMIO offsets; the MSR number is 0x800 + offset / 16.
enum class ApicReg : u32 {
  kId = 0x20,
  kTaskPriority = 0x80,
  kEndOfInterrupt = 0xb0,
  kSpurious = 0xf0,
  kErrorStatus = 0x280,
  kCommandLow = 0x300,
  kCommandHigh = 0x310,
  kTimer = 0x320,
  kLint0 = 0x350,
  kLint1 = 0x360,
  kError = 0x370,
  kTimerInitial = 0x380,
  kTimerCurrent = 0x390,
  kTimerDivide = 0x3e0,
};

enum class Delivery : u32 { kFixed = 0, kNmi = 4, kInit = 5, kStartup = 6 };

/// On the boot CPU, by whoever needs it first: chooses the mode and maps the registers.
void local_apic_setup(u64 base);
/// On every CPU: enables the APIC, masks its local vectors.
void local_apic_enable();

void apic_write(ApicReg reg, u32 value);
u32 apic_read(ApicReg reg);
inline void apic_end_of_interrupt() { apic_write(ApicReg::kEndOfInterrupt, 0); }

/// Sends an interprocessor interrupt and waits until the APIC has taken it. Interrupts off.
void apic_send(u32 apic_id, Delivery delivery, u32 vector);

bool apic_is_x2apic();

} // namespace runnel::arch
