// SPDX-License-Identifier: Apache-2.0
// How fast the TSC and the local APIC's timer run.
#pragma once

#include <arch/machine.hpp>

namespace runnel::arch {

/// What passed on each clock in the same stretch of time.
struct Calibration {
  u64 ns = 0;
  u64 tsc_ticks = 0;
  u64 apic_ticks = 0; // timer divided by one
  u64 tsc_start = 0;  // TSC at the beginning of the stretch
  const char* reference = "";
};

/// Measures for one to two milliseconds. The local APIC is enabled, its timer masked and divided by one; it
/// is left stopped. Ends the emulator with "boot failed" when the machine has no clock of known rate.
Calibration calibrate(const MachineInfo& machine);

/// TSC, ordered after everything before: a time read after an event is not earlier than the event.
u64 read_tsc();

} // namespace runnel::arch
