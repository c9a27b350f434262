// SPDX-License-Identifier: Apache-2.0
// Who uses which interrupt vector.
#pragma once

#include "kernel/lib/types.hpp"

namespace runnel::arch {

inline constexpr u32 kVectorNmi = 2;
inline constexpr u32 kVectorBreakpoint = 3;
inline constexpr u32 kVectorOverflow = 4;
inline constexpr u32 kVectorDoubleFault = 8;
inline constexpr u32 kVectorPageFault = 14;
inline constexpr u32 kVectorMachineCheck = 18;
inline constexpr u32 kVectorDevice = 0x30; // + I/O APIC input, up to 0xdf
inline constexpr u32 kNrDeviceVectors = 0xb0;
inline constexpr u32 kVectorTimer = 0xe0;
inline constexpr u32 kVectorIpi = 0xf0; // + Ipi
inline constexpr u32 kVectorSpurious = 0xff;

} // namespace runnel::arch
