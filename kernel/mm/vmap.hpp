// SPDX-License-Identifier: Apache-2.0
// The vmap area: thread stacks with unmapped guards below them, and device registers. upcall::map_device is
// implemented here too.
#pragma once

#include "kernel/lib/errno.hpp"
#include "kernel/lib/types.hpp"

namespace runnel::mm {

/// A stack of arch::kStackSize bytes: returns its top (the address after its last byte); below it as much
/// again is never mapped. Reuses a freed one when there is one; contents undefined. Callable with interrupts
/// off, holding no lock of rank kVmap or further in. kNOMEM without pages, kNOSPC with all slots taken.
Result<VirtAddr> stack_alloc();
/// Takes the stack back and keeps it mapped for the next stack_alloc(). Nobody runs on it. Any context but
/// interrupt handlers.
void stack_free(VirtAddr top);
/// Unmaps cached stacks until at most `keep` are left. Waits for other CPUs: a thread that may be preempted,
/// holding no spinlock. stack_alloc() does it now and then when called from such a thread.
void stack_trim(u32 keep);

struct VmapStats {
  u64 stacks_in_use = 0;
  u64 stacks_cached = 0;
  u64 device_pages = 0;
};
VmapStats vmap_stats();

} // namespace runnel::mm

namespace runnel {
using mm::stack_alloc;
using mm::stack_free;
} // namespace runnel
