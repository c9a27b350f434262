// SPDX-License-Identifier: Apache-2.0
// Where interrupts, exceptions and system calls arrive: 256 stubs of 16 bytes that bring every frame to the shape of
// Registers, and the entry of `syscall`, which makes the same frame.
//
// GS: in the kernel the GS base is the CPU's CpuLocal, the user's waits in MSR_KERNEL_GS_BASE; user mode has it the
// other way round. An entry from user mode (CS tells) starts with swapgs and a way back ends with it. NMI, double fault
// and machine check can come between user mode and that swapgs, with the kernel's CS: they look at the base itself. It
// tells, because user mode cannot set a base in the kernel's half (CR4.FSGSBASE is off, arch_prctl refuses).

#define CPU_KERNEL_SP 24
#define CPU_USER_SP 32
#define USER_DATA 0x2b
#define USER_CODE 0x33
#define VECTOR_SYSCALL 0x100
#define MSR_GS_BASE 0xc0000101

  .text

  .macro save_registers
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
  .endm

  .macro restore_registers_and_return
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
  .endm

  // A frame record, so that a walk along frame pointers passes through into the interrupted code; then an aligned stack.
  .macro call_with_frame function
  movq %rsp, %rdi
  pushq 17*8(%rsp)                // rip
  pushq %rbp
  movq %rsp, %rbp
  andq $-16, %rsp
  call \function
  leaq 16(%rbp), %rsp
  .endm

  .macro interrupt_stub vector, has_error_code, common
  .balign 16
  .if \has_error_code == 0
  pushq $0
  .endif
  pushq $\vector
  jmp \common
  .endm

  .balign 16
  .global runnel_interrupt_stubs
runnel_interrupt_stubs:
  .set vector, 0
  .rept 256
    // The CPU pushes an error code for these (Intel SDM volume 3, table 7-1).
    .if vector == 8
      interrupt_stub vector, 1, interrupt_anywhere
    .elseif vector == 2 || vector == 18
      interrupt_stub vector, 0, interrupt_anywhere
    .elseif (vector >= 10 && vector <= 14) || vector == 17 || vector == 21 || vector == 29 || vector == 30
      interrupt_stub vector, 1, interrupt_common
    .else
      interrupt_stub vector, 0, interrupt_common
    .endif
    .set vector, vector + 1
  .endr
  .balign 16

  .type interrupt_common, @function
interrupt_common:
  save_registers
  // No flag of the interrupted code holds here: the direction, nor AC, which lifts SMAP (clac exists only with SMAP).
  // Interrupts are off, by the gate, and stay so.
  pushq $2
  popfq
  testb $3, 18*8(%rsp)            // cs
  jnz interrupt_from_user
  call_with_frame runnel_interrupt
  restore_registers_and_return
  .size interrupt_common, . - interrupt_common

  // On the thread's own kernel stack, which was empty: the frame is its UserRegs. Backtraces end here.
  .type interrupt_from_user, @function
interrupt_from_user:
  swapgs
  movq %rsp, %rdi
  pushq $0
  pushq $0
  movq %rsp, %rbp
  call runnel_interrupt_from_user
  addq $16, %rsp
leave_to_user:
  // Always iretq: sysret would save some cycles and costs a check that rip is canonical, rcx = rip and r11 = rflags,
  // on whose absence a user could make the kernel fault on the user's stack (Intel CPUs). The frame iretq takes is
  // put right wherever it changes (UserRegs::sanitise, exit_to_user), so it cannot fault.
  swapgs
  restore_registers_and_return
  .size interrupt_from_user, . - interrupt_from_user

  // On a stack of its own. GS may be the user's even when CS is the kernel's.
  .type interrupt_anywhere, @function
interrupt_anywhere:
  save_registers
  pushq $2
  popfq
  movl $MSR_GS_BASE, %ecx
  rdmsr
  xorl %ebx, %ebx
  testl %edx, %edx
  js 1f
  swapgs
  movl $1, %ebx
1:
  call_with_frame runnel_interrupt
  testl %ebx, %ebx
  jz 2f
  swapgs
2:
  restore_registers_and_return
  .size interrupt_anywhere, . - interrupt_anywhere

// `syscall`: rcx is the user's rip, r11 the rflags; MSR_FMASK has cleared interrupts, direction, AC, TF and NT.
  .global runnel_syscall_entry
  .type runnel_syscall_entry, @function
  .balign 16
runnel_syscall_entry:
  swapgs
  movq %rsp, %gs:CPU_USER_SP
  movq %gs:CPU_KERNEL_SP, %rsp
  pushq $USER_DATA
  pushq %gs:CPU_USER_SP
  pushq %r11
  pushq $USER_CODE
  pushq %rcx
  pushq %rax                      // the number: rax becomes the result
  pushq $VECTOR_SYSCALL
  save_registers
  movq %rsp, %rdi
  pushq $0
  pushq $0
  movq %rsp, %rbp
  call runnel_syscall
  addq $16, %rsp
  jmp leave_to_user
  .size runnel_syscall_entry, . - runnel_syscall_entry

// runnel_enter_user(UserRegs*): the frame lies at the top of the current stack; all below it is given up.
  .global runnel_enter_user
  .type runnel_enter_user, @function
runnel_enter_user:
  cli
  movq %rdi, %rsp
  pushq $0
  pushq $0
  movq %rsp, %rbp
  call runnel_exit_to_user
  addq $16, %rsp
  jmp leave_to_user
  .size runnel_enter_user, . - runnel_enter_user
