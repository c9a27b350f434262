// SPDX-License-Identifier: Apache-2.0
// What the way out to user mode has to know of a task's time in the kernel (spec rseq_mm_cid 3.1). The
// scheduler notes CPU assignments and changes of the CID, the ground the rest (kernel/user/rseq).
//
// Plain bytes: the task itself writes them, or the CPU that switches to it; `ids_changed` alone is written by
// other CPUs, and only while the task does not run (rq lock or wake-up order it).
#pragma once

#include "kernel/lib/types.hpp"

namespace runnel::sched {

struct alignas(8) RseqEvent {
  u8 switched = 0;    // the task was switched to, or is to be treated so: the ids or a section need a look
  u8 ids_changed = 0; // it has another CPU or CID than when it was last looked at
  u8 user_entry = 0;  // it came by an interrupt, fault or trap, not by a system call
  u8 filler = 0;
  u8 version = 0; // of its registration: 0 none, 1 legacy, 2 optimised
  u8 fatal = 0;   // its data were found bad
  u8 slow = 0;    // the fast path could not do it
  u8 filler_too = 0;

  /// The first four bytes with one store. On the task's own CPU with interrupts off.
  void clear() { __builtin_memset(this, 0, 4); }
  /// Both with one store.
  void force() { __builtin_memset(this, 1, 2); }
};
static_assert(sizeof(RseqEvent) == 8);

} // namespace runnel::sched
