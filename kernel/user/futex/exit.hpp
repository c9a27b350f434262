// SPDX-License-Identifier: Apache-2.0
// What a thread's end means to those who wait for it.
#pragma once

namespace runnel::user {

struct Thread;

/// `self`, the current thread, leaves its address space for good: the locks of its robust list
/// get OWNER_DIED, the word of set_tid_address becomes 0 when others share the memory; one waiter each is
/// woken. Its memory is still there; sleeps. Both are forgotten.
void futex_exit(Thread& self);
/// The same when a new program follows.
void futex_exec(Thread& self);

} // namespace runnel::user
