// SPDX-License-Identifier: Apache-2.0
// The registers of all CPUs out of the text of QEMU's `info registers -a`.
#pragma once

#include "kernel/lib/types.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace runnel::qemu {

struct CpuRegisters {
  u32 cpu = 0;
  u64 pc = 0, sp = 0, frame = 0; // frame: the frame pointer (RBP, X29)
  bool halted = false;           // x86_64: waits in HLT
  std::string text;              // as QEMU prints it, the general registers only
};

/// In the order of the text; understands both architectures. CPUs whose pc is missing are left out.
std::vector<CpuRegisters> parse_registers(std::string_view text);

} // namespace runnel::qemu
