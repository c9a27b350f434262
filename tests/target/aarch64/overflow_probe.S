// SPDX-License-Identifier: Apache-2.0
// u64 test_overflow_stack(): fills the stack down into its guard, survives the fault by the fixup below, and returns
// the stack pointer of that moment. Interrupts off.

  .text
  .global test_overflow_stack
  .type test_overflow_stack, %function
test_overflow_stack:
  mov x9, sp
1:
  sub sp, sp, #16
  .global test_overflow_store
test_overflow_store:
  str xzr, [sp]
  yield
  b 1b
2:
  mov x0, sp
  mov sp, x9
  ret

  .section .runnel.fixups, "a"
  .balign 8
  .quad test_overflow_store, 2b

  .section .note.GNU-stack, "", %progbits
