// SPDX-License-Identifier: Apache-2.0
// What the parts of x86_64's user mode share.
#pragma once

#include "kernel/lib/types.hpp"

namespace runnel::arch {

/// CR4.SMAP is set: stac and clac exist, and user memory is reached only between them.
extern bool smap_is_on;

/// Where this CPU's next entry from user mode puts its frame. Interrupts off.
void set_kernel_stack(VirtAddr top);

/// Once per CPU: SSE and XSAVE on, all state components this kernel switches.
void fpu_init_cpu();
/// Bits of XCR0 in use (signal frames tell them); 0: FXSAVE only.
u64 fpu_features();
void fpu_save(void* area);
void fpu_load(const void* area);

} // namespace runnel::arch
