// SPDX-License-Identifier: Apache-2.0
// Programs of user_programs.cpp. They run at 0x401000, have a page at 0x500000, and start with argc at (%rsp).

#define NR_WRITE 1
#define NR_SCHED_YIELD 24
#define NR_EXECVE 59
#define NR_ARCH_PRCTL 158
#define NR_EXIT_GROUP 231
#define ROUNDS 200

  .macro program name
  .global program_\name
  .global program_\name\()_end
program_\name:
  .endm

  .section .rodata
  .balign 16

program exit
  movl $42, %edi
  movl $NR_EXIT_GROUP, %eax
  syscall
program_exit_end:

program store_to_nowhere
  movl $1, 0x10
program_store_to_nowhere_end:

// The kernel's half: mapped, but not for user mode.
program read_kernel
  movabsq $0xffffffff80200000, %rax
  movq (%rax), %rax
program_read_kernel_end:

// With a hint to the emulator that others may have the host's time.
program spin
1:
  .rept 1000 // a pause costs an emulator more than all of this
  nop
  .endr
  pause
  jmp 1b
program_spin_end:

// Jumps to an address that is none, as a system call returns: through rcx.
program jump_to_nowhere
  movabsq $0x0000800000000000, %rax
  jmp *%rax
program_jump_to_nowhere_end:

program privileged
  hlt
program_privileged_end:

program divide
  xorl %edx, %edx
  xorl %ecx, %ecx
  divl %ecx
program_divide_end:

program breakpoint
  int3
program_breakpoint_end:

// write(1, an address of the kernel, 8): exits with the errno.
program write_kernel
  movl $1, %edi
  movabsq $0xffffffff80200000, %rsi
  movl $8, %edx
  movl $NR_WRITE, %eax
  syscall
  movl %eax, %edi
  negl %edi
  movl $NR_EXIT_GROUP, %eax
  syscall
program_write_kernel_end:

// All registers but rax, rcx and r11 survive system calls and interrupts. argc makes the pattern. 0: they did.
program registers
  movq (%rsp), %rax
  movq $0x0101010101010101, %rbx
  imulq %rax, %rbx
  movq %rbx, 0x500000
  movq %rbx, %rbp
  movq %rbx, %rdx
  movq %rbx, %rsi
  movq %rbx, %rdi
  movq %rbx, %r8
  movq %rbx, %r9
  movq %rbx, %r10
  movq %rbx, %r12
  movq %rbx, %r13
  movq %rbx, %r14
  movq %rbx, %r15
  movl $ROUNDS, 0x500008
1:
  movl $NR_SCHED_YIELD, %eax
  syscall
  movl $2000, %ecx
2:
  decl %ecx
  jnz 2b
  movq 0x500000, %rax
  .irp reg, rbx, rbp, rdx, rsi, rdi, r8, r9, r10, r12, r13, r14, r15
  cmpq %\reg, %rax
  jne 3f
  .endr
  decl 0x500008
  jnz 1b
  xorl %edi, %edi
  jmp 4f
3:
  movl $1, %edi
4:
  movl $NR_EXIT_GROUP, %eax
  syscall
program_registers_end:

// The SSE registers and MXCSR are this thread's, and fresh at the start. argc makes the pattern. 0: all is well;
// 1: not fresh; 2: changed.
program sse
  stmxcsr 0x500000
  movl $1, %edi
  cmpl $0x1f80, 0x500000
  jne 3f
  .irp n, 0, 7, 15
  movq %xmm\n, %rax
  testq %rax, %rax
  jnz 3f
  psrldq $8, %xmm\n
  movq %xmm\n, %rax
  testq %rax, %rax
  jnz 3f
  .endr
  movq (%rsp), %rbx
  movl %ebx, %eax
  andl $3, %eax
  shll $13, %eax                  // the rounding mode
  orl $0x1f80, %eax
  movl %eax, 0x500000
  ldmxcsr 0x500000
  .irp n, 0, 7, 15
  movq %rbx, %xmm\n
  pslldq $8, %xmm\n
  .endr
  movl $ROUNDS, %r12d
  movl $2, %edi
1:
  movl $NR_SCHED_YIELD, %eax
  syscall
  movl $2000, %ecx
2:
  decl %ecx
  jnz 2b
  stmxcsr 0x500008
  movl 0x500008, %eax
  cmpl 0x500000, %eax
  jne 3f
  .irp n, 0, 7, 15
  movdqa %xmm\n, %xmm1
  psrldq $8, %xmm1
  movq %xmm1, %rax
  cmpq %rbx, %rax
  jne 3f
  .endr
  decl %r12d
  jnz 1b
  xorl %edi, %edi
3:
  movl $NR_EXIT_GROUP, %eax
  syscall
program_sse_end:

// The FS base is this thread's. argc makes it. Also what arch_prctl refuses. 0: all is well.
program thread_pointer
  movl $1, %r13d
  movq (%rsp), %rbx
  shlq $20, %rbx
  movl $0x1002, %edi              // ARCH_SET_FS
  movq %rbx, %rsi
  movl $NR_ARCH_PRCTL, %eax
  syscall
  testq %rax, %rax
  jnz 3f
  movl $0x1001, %edi              // ARCH_SET_GS
  movl $0x500000, %esi
  movl $NR_ARCH_PRCTL, %eax
  syscall
  movl $ROUNDS, %r12d
1:
  movl $NR_SCHED_YIELD, %eax
  syscall
  movl $2, %r13d
  movl $0x1003, %edi              // ARCH_GET_FS
  movl $0x500000, %esi
  movl $NR_ARCH_PRCTL, %eax
  syscall
  cmpq %rbx, %gs:0                // reads what the call stored, through the user's GS
  jne 3f
  decl %r12d
  jnz 1b
  movl $3, %r13d
  movl $0x1001, %edi
  movabsq $0x7ffffffff000, %rsi   // the first address that is not the user's
  movl $NR_ARCH_PRCTL, %eax
  syscall
  cmpq $-1, %rax                  // EPERM
  jne 3f
  movl $4, %r13d
  movl $0x1234, %edi
  movl $NR_ARCH_PRCTL, %eax
  syscall
  cmpq $-22, %rax
  jne 3f
  xorl %r13d, %r13d
3:
  movl %r13d, %edi
  movl $NR_EXIT_GROUP, %eax
  syscall
program_thread_pointer_end:

// Executes /exit with two arguments; exits with the errno when it cannot.
program exec
  leaq path(%rip), %rdi
  movq %rdi, 0x500000
  movq %rdi, 0x500008
  movq $0, 0x500010
  movl $0x500000, %esi
  xorl %edx, %edx
  movl $NR_EXECVE, %eax
  syscall
  movl %eax, %edi
  negl %edi
  movl $NR_EXIT_GROUP, %eax
  syscall
path:
  .asciz "/argc"
program_exec_end:

// Exits with argc.
program argc
  movl (%rsp), %edi
  movl $NR_EXIT_GROUP, %eax
  syscall
program_argc_end:

// A number no call has: ENOSYS, and the same for the largest one.
program unknown_call
  movq $-1, %rax
  syscall
  movq %rax, %rbx
  movl $511, %eax
  syscall
  cmpq %rax, %rbx
  jne 1f
  movl %eax, %edi
  negl %edi
1:
  movl $NR_EXIT_GROUP, %eax
  syscall
program_unknown_call_end:

  .section .note.GNU-stack, "", %progbits
