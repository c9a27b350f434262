// SPDX-License-Identifier: Apache-2.0
// Switching from one kernel thread to another.
#pragma once

#include "kernel/lib/thread_info.hpp"
#include "kernel/lib/types.hpp"

namespace runnel::arch {

/// Saved state of a thread that is not running: its stack pointer; callee-saved registers lie on that stack.
struct Context {
  uptr sp = 0;
};

/// Prepares `context` so that the first switch to it calls runnel_thread_start on the given stack.
void context_init(Context& context, VirtAddr stack_top);

} // namespace runnel::arch

/// Saves the caller into `prev`, resumes `next`, makes `next_thread` current. Interrupts off. Returns, on the
/// resumed side, the thread that was switched away from to get here (not the one that called).
extern "C" runnel::ThreadInfo* runnel_context_switch(runnel::arch::Context* prev,
                                                     const runnel::arch::Context* next,
                                                     runnel::ThreadInfo* prev_thread,
                                                     runnel::ThreadInfo* next_thread);
