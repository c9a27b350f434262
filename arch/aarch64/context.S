// SPDX-License-Identifier: Apache-2.0
// The switch between kernel threads: callee-saved registers (AAPCS64) to and from the stacks.

  .text
  // runnel_context_switch(x0 prev context, x1 next context, x2 prev thread, x3 next thread)
  .global runnel_context_switch
  .type runnel_context_switch, %function
runnel_context_switch:
  stp x29, x30, [sp, #-96]!
  mov x29, sp
  stp x19, x20, [sp, #16]
  stp x21, x22, [sp, #32]
  stp x23, x24, [sp, #48]
  stp x25, x26, [sp, #64]
  stp x27, x28, [sp, #80]
  mov x9, sp
  str x9, [x0]
  ldr x9, [x1]
  mov sp, x9
  msr sp_el0, x3
  ldp x19, x20, [sp, #16]
  ldp x21, x22, [sp, #32]
  ldp x23, x24, [sp, #48]
  ldp x25, x26, [sp, #64]
  ldp x27, x28, [sp, #80]
  ldp x29, x30, [sp], #96
  mov x0, x2
  ret

  // Where a new thread's first switch returns to; x0 = the thread that was switched away from.
  .global runnel_thread_entry
  .type runnel_thread_entry, %function
runnel_thread_entry:
  mov x29, xzr                  // the end of every backtrace
  mov x30, xzr
  b runnel_thread_start

  .section .note.GNU-stack, "", %progbits
