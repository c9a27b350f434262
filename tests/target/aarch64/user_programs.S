// SPDX-License-Identifier: Apache-2.0
// Programs of user_programs.cpp. They run at 0x401000, have a page at 0x500000, and start with argc at [sp].

#define NR_WRITE 64
#define NR_EXIT_GROUP 94
#define NR_SCHED_YIELD 124
#define NR_EXECVE 221
#define PAGE 0x500000
#define ROUNDS 200

  .macro program name
  .balign 16
  .global arm_program_\name
  .global arm_program_\name\()_end
arm_program_\name:
  .endm

  .macro program_end name
arm_program_\name\()_end:
  .endm

  // exit_group(w0)
  .macro leave
  mov x8, #NR_EXIT_GROUP
  svc #0
  .endm

  .section .rodata

program exit
  mov x0, #42
  mov x8, #NR_EXIT_GROUP
  svc #0x1234                     // the immediate means nothing
program_end exit

program spin
1:
  .rept 1000 // a yield costs an emulator more than all of this
  nop
  .endr
  yield
  b 1b
program_end spin

// Spins with a stack pointer and a frame pointer of the kernel's.
program spin_with_forged_stack
  mov x0, #0xffffc00000000000
  movk x0, #0x5000
  mov sp, x0
  mov x29, x0
1:
  .rept 1000
  nop
  .endr
  yield
  b 1b
program_end spin_with_forged_stack

program jump_to_nowhere
  mov x0, #0x0001000000000000     // the first address that is not the user's
  br x0
program_end jump_to_nowhere

program jump_between
  adr x0, .
  add x0, x0, #2
  br x0
program_end jump_between

program read_kernel
  mov x0, #0xffffffff80000000
  movk x0, #0x8020, lsl #16
  ldr x0, [x0]
program_end read_kernel

program unaligned_exclusive
  mov x0, #PAGE
  add x0, x0, #1
  ldxr x1, [x0]
program_end unaligned_exclusive

program read_system_register
  mrs x0, sctlr_el1
program_end read_system_register

program mask_interrupts
  msr daifset, #2
program_end mask_interrupts

program read_timer
  mrs x0, cntp_ctl_el0
program_end read_timer

program write_tpidrro
  msr tpidrro_el0, x0
program_end write_tpidrro

program sve
  .inst 0x04bf5fe0                // rdvl x0, #-1
program_end sve

program trap
  brk #7
program_end trap

// What EL0 is allowed; exits with 0 when all of it does what it should.
program allowed
  mov x19, #1
  mrs x0, ctr_el0
  cbz x0, 3f
  mrs x1, dczid_el0
  tbnz x1, #4, 1f                 // DZP: no dc zva
  mov x19, #2
  mov x2, #PAGE
  mov x3, #-1
  str x3, [x2]
  dc zva, x2
  ldr x3, [x2]
  cbnz x3, 3f
1:
  mov x19, #3
  mrs x0, cntvct_el0
  isb
  mrs x1, cntvct_el0
  cmp x1, x0
  b.lo 3f
  mrs x0, cntfrq_el0
  cbz x0, 3f
  mov x19, #4
  mrs x0, tpidrro_el0
  cbnz x0, 3f
  adr x0, arm_program_allowed
  dc cvau, x0
  dc civac, x0
  ic ivau, x0
  dsb ish
  isb
  yield
  wfe
  mov x19, #0
3:
  mov x0, x19
  leave
program_end allowed

// write(1, an address of the kernel, 8): exits with the errno.
program write_kernel
  mov x0, #1
  mov x1, #0xffffffff80000000
  movk x1, #0x8020, lsl #16
  mov x2, #8
  mov x8, #NR_WRITE
  svc #0
  neg w0, w0
  leave
program_end write_kernel

// A number no call has: ENOSYS, and the same for the largest one.
program unknown_call
  mov x8, #-1
  svc #0
  mov x19, x0
  mov x8, #0xfff
  svc #0
  cmp x0, x19
  b.ne 1f
  neg w0, w0
1:
  leave
program_end unknown_call

// All registers but x0, and the flags, survive system calls and interrupts. argc makes the pattern. 0: they did.
program registers
  ldr x0, [sp]
  mov x1, #0x0101010101010101
  mul x1, x0, x1
  mov x0, #PAGE
  str x1, [x0]
  mov x2, #ROUNDS
  str x2, [x0, #8]
  msr tpidr_el0, x1
  .irp n, 2, 3, 4, 5, 6, 7, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30
  mov x\n, x1
  .endr
1:
  mov x8, #NR_SCHED_YIELD
  mov x0, #-1
  cmn x0, xzr                     // N Z C V are 1 0 0 0 now
  svc #0
  b.pl 3f
  b.vs 3f
  b.cs 3f
  cbnz x0, 3f
  mov x0, #2000
2:
  sub x0, x0, #1
  cbnz x0, 2b
  b.pl 3f
  cmp x8, #NR_SCHED_YIELD
  b.ne 3f
  mrs x0, tpidr_el0
  cmp x0, x1
  b.ne 3f
  mov x0, #PAGE
  ldr x0, [x0]
  .irp n, 1, 2, 3, 4, 5, 6, 7, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30
  cmp x0, x\n
  b.ne 3f
  .endr
  mov x0, #PAGE
  ldr x8, [x0, #8]
  sub x8, x8, #1
  str x8, [x0, #8]
  cbnz x8, 1b
  mov x0, #0
  leave
3:
  mov x0, #1
  leave
program_end registers

// Executes /argc with two arguments; exits with the errno when it cannot.
program exec
  adr x0, 2f
  mov x1, #PAGE
  stp x0, x0, [x1]
  str xzr, [x1, #16]
  mov x2, #0
  mov x8, #NR_EXECVE
  svc #0
  neg w0, w0
  leave
2:
  .asciz "/argc"
program_end exec

// Exits with argc; with 100 when a register is not 0.
program argc
  orr x0, x0, x1
  .irp n, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30
  orr x0, x0, x\n
  .endr
  mrs x1, tpidr_el0
  orr x1, x1, x0
  ldr x0, [sp]
  cbz x1, 1f
  mov x0, #100
1:
  leave
program_end argc

  .section .note.GNU-stack, "", %progbits
