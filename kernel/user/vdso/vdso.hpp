// SPDX-License-Identifier: Apache-2.0
// The vDSO (vdso/) in the kernel: its pages, which all programs share, and what the kernel writes for it.
#pragma once

#include "kernel/lib/errno.hpp"
#include "kernel/lib/types.hpp"

namespace runnel::user {

class Mm;

/// Once, before the first program. Without memory for its pages there is no vDSO.
void init_vdso();
/// Writes what user mode needs to read the clock by itself, or that it has to ask: at first, and when a CPU
/// has come that may disagree with the others. Thread context; its callers come one after the other (at boot,
/// then under hot-plug's lock).
void update_vdso();
/// Into a new program's address space; the address of its ELF header, for AT_SYSINFO_EHDR, or 0: there is
/// none. kNOMEM.
Result<u64> map_vdso(Mm& mm);

} // namespace runnel::user
