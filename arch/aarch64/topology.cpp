// SPDX-License-Identifier: Apache-2.0
#include <arch/topology.hpp>

namespace runnel::arch {

u64 this_hw_id() {
  constexpr u64 kAffinity = 0xff'00ff'ffff; // Aff3 and Aff2..0
  u64 mpidr;
  asm("mrs %0, mpidr_el1" : "=r"(mpidr));
  return mpidr & kAffinity;
}

void refine_topology(MachineInfo&) {}

} // namespace runnel::arch
