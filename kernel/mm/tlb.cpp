// SPDX-License-Identifier: Apache-2.0
#include "kernel/mm/tlb.hpp"

#include "kernel/smp/call.hpp"

#include <arch/mmu.hpp>

namespace runnel::mm {
namespace {

void flush_here(void* arg) {
  for (const VirtRange& range : *static_cast<const std::span<const VirtRange>*>(arg))
    arch::tlb_flush_range(range.base, range.size);
}

} // namespace

void tlb_shootdown(std::span<const VirtRange> ranges, const CpuMask& cpus) {
  if (arch::kTlbFlushBroadcasts)
    flush_here(&ranges);
  else
    call_function(cpus, flush_here, &ranges, Wait::kYes);
}

} // namespace runnel::mm
