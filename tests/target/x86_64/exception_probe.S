// SPDX-License-Identifier: Apache-2.0
// Exceptions that end on stacks of their own, each survived by a fixup.

  .text
// u64 test_overflow_stack(): pushes until the stack ends; the stack pointer of that moment. Interrupts off.
  .global test_overflow_stack
  .type test_overflow_stack, @function
test_overflow_stack:
  movq %rsp, %rdx
  xorl %eax, %eax
test_overflow_push:
  pushq %rax
  jmp test_overflow_push
  .global test_overflow_resume
test_overflow_resume:
  movq %rsp, %rax
  movq %rdx, %rsp
  ret
  .size test_overflow_stack, . - test_overflow_stack

// u64 test_machine_check(): raises its vector; the stack pointer while it did.
  .global test_machine_check
  .type test_machine_check, @function
test_machine_check:
  movq %rsp, %rax
  int $18
test_machine_check_return:        // saved as the place of the fault
  ud2
  .global test_machine_check_resume
test_machine_check_resume:
  ret
  .size test_machine_check, . - test_machine_check

  .section .runnel.fixups, "a"
  .balign 8
  .quad test_overflow_push, test_overflow_resume
  .quad test_machine_check_return, test_machine_check_resume

  .section .note.GNU-stack, "", @progbits
