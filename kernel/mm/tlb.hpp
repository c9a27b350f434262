// SPDX-License-Identifier: Apache-2.0
// Making every CPU forget mappings that were removed.
#pragma once

#include "kernel/lib/cpumask.hpp"

#include <span>

namespace runnel::mm {

struct VirtRange {
  VirtAddr base;
  u64 size = 0; // bytes
};

/// After unmapping, before the pages are used for anything else. Interrupts are on, preemption too, no
/// spinlock is held: it waits for the other CPUs where the architecture's flush does not reach them. `cpus`:
/// those that may have the mappings.
void tlb_shootdown(std::span<const VirtRange> ranges, const CpuMask& cpus = CpuMask::all());

} // namespace runnel::mm
