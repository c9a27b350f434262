// SPDX-License-Identifier: Apache-2.0
// Where interrupts and exceptions arrive: 256 stubs of 16 bytes that bring every frame to the shape of Registers.

  .text

  .macro interrupt_stub vector, has_error_code
  .balign 16
  .if \has_error_code == 0
  pushq $0
  .endif
  pushq $\vector
  jmp interrupt_common
  .endm

  .balign 16
  .global runnel_interrupt_stubs
runnel_interrupt_stubs:
  .set vector, 0
  .rept 256
    // The CPU pushes an error code for these (Intel SDM volume 3, table 7-1).
    .if vector == 8 || (vector >= 10 && vector <= 14) || vector == 17 || vector == 21 || vector == 29 || vector == 30
      interrupt_stub vector, 1
    .else
      interrupt_stub vector, 0
    .endif
    .set vector, vector + 1
  .endr
  .balign 16

  .type interrupt_common, @function
interrupt_common:
  pushq %rax
  pushq %rbx
  pushq %rcx
  pushq %rdx
  pushq %rbp
  pushq %rsi
  pushq %rdi
  pushq %r8
  pushq %r9
  pushq %r10
  pushq %r11
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  // No flag of the interrupted code holds here: the direction, nor AC, which lifts SMAP (clac exists only with SMAP).
  // Interrupts are off, by the gate, and stay so.
  pushq $2
  popfq
  movq %rsp, %rdi
  // A frame record, so that a walk along frame pointers passes through into the interrupted code.
  pushq 17*8(%rsp)                // rip
  pushq %rbp
  movq %rsp, %rbp
  andq $-16, %rsp
  call runnel_interrupt
  leaq 16(%rbp), %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %r11
  popq %r10
  popq %r9
  popq %r8
  popq %rdi
  popq %rsi
  popq %rbp
  popq %rdx
  popq %rcx
  popq %rbx
  popq %rax
  addq $16, %rsp
  iretq
  .size interrupt_common, . - interrupt_common
