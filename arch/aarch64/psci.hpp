// SPDX-License-Identifier: Apache-2.0
// Power State Coordination Interface (Arm DEN0022), the calls this kernel makes.
#pragma once

#include "kernel/lib/types.hpp"

#include <arch/machine.hpp>

namespace runnel::arch {

enum class PsciFunction : u64 {
  kCpuOff = 0x8400'0002,
  kSystemOff = 0x8400'0008,
  kSystemReset = 0x8400'0009,
  kCpuOn = 0xc400'0003,
  kAffinityInfo = 0xc400'0004,
};

inline constexpr i32 kPsciSuccess = 0;
inline constexpr i32 kPsciAffinityOff = 1; // answer of kAffinityInfo

/// Which instruction reaches the firmware; until it is told, and with kNone, psci_call fails.
void psci_set_conduit(PsciConduit conduit);
/// The firmware's answer: kPsciSuccess, a negative error, or for the kSystem... calls nothing, as they do not
/// return.
i32 psci_call(PsciFunction function, u64 a = 0, u64 b = 0, u64 c = 0);

} // namespace runnel::arch
