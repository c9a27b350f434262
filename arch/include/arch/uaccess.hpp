// SPDX-License-Identifier: Apache-2.0
// Reaching user memory, the raw part: exception-table accesses with SMAP / PAN lifted around each. Callers
// have checked that [address, address + size) lies below kUserEnd; kernel/user/uaccess.hpp does, use that.
//
// A fault in one of them is first handled as a demand fault of the current Mm, when the thread may sleep
// (interrupts on, preempt_count 0); with preemption or interrupts off, or when the Mm refuses, the access
// ends short at its fixup (section .runnel.fixups).
#pragma once

#include "kernel/lib/types.hpp"

namespace runnel::arch {

/// Bytes that were NOT copied: 0 is success. Ascending addresses.
usize uaccess_copy_from(void* to, u64 from, usize size);
usize uaccess_copy_to(u64 to, const void* from, usize size);
usize uaccess_clear(u64 to, usize size);

/// One access of `size` 1, 2, 4 or 8 bytes, atomic when aligned. False: it faulted, `value` unchanged.
bool uaccess_load(u64 from, u32 size, u64& value);
bool uaccess_store(u64 to, u32 size, u64 value);
/// Compare-and-exchange of an aligned word of 4 or 8 bytes, full barrier. False: it faulted. `expected` is
/// then unchanged; else it becomes what was there, and the exchange took place when that is what was
/// expected.
bool uaccess_compare_exchange(u64 at, u32 size, u64& expected, u64 desired);

} // namespace runnel::arch
