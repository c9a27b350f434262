// SPDX-License-Identifier: Apache-2.0
// Translation control of this CPU beyond arch/mmu.hpp.
#pragma once

#include <arch/mmu.hpp>

namespace runnel::arch {

/// No walks of TTBR0 any more: every address of the lower half faults. The identity map of the start goes
/// with it.
void user_half_off();

/// The console falls silent, rather than fault, when `table` does not map the registers it uses so far: from
/// the kernel's own tables until console_init.
void console_follow(const PageTable& table);

} // namespace runnel::arch
