// SPDX-License-Identifier: Apache-2.0
// Exception vectors. Each entry checks that the frame fits the stack (bit 14 of SP is set on every kernel stack,
// arch/layout.hpp) before anything is stored; if not, the CPU goes on on its emergency stack.

#define FRAME 288
#define FRAME_STACK 248
#define FRAME_ELR 256
#define FRAME_RECORD 272
#define STACK_SHIFT 14
#define LOCAL_EMERGENCY_STACK_TOP 8
// From user mode: UserRegs, with the call a system call began with (arch_impl/user.hpp).
#define USER_FRAME 304
#define LOCAL_CURRENT 16

  .macro vector handler
  .balign 128
  sub sp, sp, #FRAME
  add sp, sp, x0            // without a free register: x0 = SP, tested, and both as they were
  sub x0, sp, x0
  tbz x0, #STACK_SHIFT, entry_overflow
  sub x0, sp, x0
  sub sp, sp, x0
  b \handler
  .endm

  // Stores everything, calls the C++ function, leaves through `leave`.
  .macro handle symbol, function
\symbol:
  stp x28, x29, [sp, #224]
  add x29, sp, #FRAME
  save_rest
  bl \function
  b leave
  .endm

  // From user mode, on the thread's own kernel stack, which was empty: there is room. SP_EL0 is the user's and becomes
  // the current thread again. Backtraces end here.
  .macro user_vector function
  .balign 128
  sub sp, sp, #USER_FRAME
  stp x28, x29, [sp, #224]
  adr x28, \function
  b user_entry
  .endm

  // x28, x29 are saved, x29 holds the interrupted SP.
  .macro save_rest
  stp x0, x1, [sp, #0]
  stp x2, x3, [sp, #16]
  stp x4, x5, [sp, #32]
  stp x6, x7, [sp, #48]
  stp x8, x9, [sp, #64]
  stp x10, x11, [sp, #80]
  stp x12, x13, [sp, #96]
  stp x14, x15, [sp, #112]
  stp x16, x17, [sp, #128]
  stp x18, x19, [sp, #144]
  stp x20, x21, [sp, #160]
  stp x22, x23, [sp, #176]
  stp x24, x25, [sp, #192]
  stp x26, x27, [sp, #208]
  stp x30, x29, [sp, #240]
  mrs x9, elr_el1
  mrs x10, spsr_el1
  ldr x11, [sp, #232]
  stp x9, x10, [sp, #FRAME_ELR]
  stp x11, x9, [sp, #FRAME_RECORD]
  add x29, sp, #FRAME_RECORD
  mov x0, sp
  .endm

  .text
  .balign 2048
  .global runnel_vectors
runnel_vectors:
  vector entry_unexpected   // EL1 with SP_EL0: never used
  vector entry_unexpected
  vector entry_unexpected
  vector entry_unexpected
  vector entry_sync         // EL1
  vector entry_irq
  vector entry_fiq
  vector entry_serror
  user_vector runnel_user_sync // EL0, 64 bits
  user_vector runnel_user_irq
  user_vector runnel_exception_fiq
  user_vector runnel_exception_serror
  vector entry_unexpected   // EL0, 32 bits: no such user
  vector entry_unexpected
  vector entry_unexpected
  vector entry_serror

  handle entry_sync, runnel_exception_sync
  handle entry_irq, runnel_exception_irq
  handle entry_fiq, runnel_exception_fiq
  handle entry_serror, runnel_exception_serror
  handle entry_unexpected, runnel_exception_unexpected

  // x28 = the C++ function, x28 and x29 are saved.
user_entry:
  mrs x29, sp_el0
  save_rest
  stp xzr, xzr, [sp, #FRAME_RECORD]
  mrs x9, tpidr_el1
  ldr x9, [x9, #LOCAL_CURRENT]
  msr sp_el0, x9
  blr x28
  // fall through

  // SP = the frame, which is all there is on the stack.
leave_to_user:
  msr daifset, #0xf
  mrs x9, sp_el0
  mrs x10, tpidr_el1
  str x9, [x10, #LOCAL_CURRENT]
  ldp x9, x10, [sp, #FRAME_ELR]
  msr elr_el1, x9
  msr spsr_el1, x10
  ldp x30, x9, [sp, #240]
  msr sp_el0, x9
  ldp x0, x1, [sp, #0]
  ldp x2, x3, [sp, #16]
  ldp x4, x5, [sp, #32]
  ldp x6, x7, [sp, #48]
  ldp x8, x9, [sp, #64]
  ldp x10, x11, [sp, #80]
  ldp x12, x13, [sp, #96]
  ldp x14, x15, [sp, #112]
  ldp x16, x17, [sp, #128]
  ldp x18, x19, [sp, #144]
  ldp x20, x21, [sp, #160]
  ldp x22, x23, [sp, #176]
  ldp x24, x25, [sp, #192]
  ldp x26, x27, [sp, #208]
  ldp x28, x29, [sp, #224]
  add sp, sp, #USER_FRAME
  eret

  // runnel_enter_user(UserRegs*): the frame lies at the top of the current stack; all below it is given up.
  .global runnel_enter_user
  .type runnel_enter_user, %function
runnel_enter_user:
  msr daifset, #2
  mov sp, x0
  stp xzr, xzr, [sp, #FRAME_RECORD]
  add x29, sp, #FRAME_RECORD
  bl runnel_exit_to_user
  b leave_to_user

  // x0 = SP - FRAME of the overflowed stack, SP = that plus the true x0. TPIDRRO_EL0 is free: it is nobody's.
entry_overflow:
  msr tpidrro_el0, x0
  sub x0, sp, x0
  mov sp, x0                // the true x0 waits in SP
  mrs x0, tpidr_el1
  ldr x0, [x0, #LOCAL_EMERGENCY_STACK_TOP]
  sub x0, x0, #FRAME
  add sp, sp, x0            // SP and x0 change places
  sub x0, sp, x0
  sub sp, sp, x0
  stp x28, x29, [sp, #224]
  mrs x29, tpidrro_el0
  msr tpidrro_el0, xzr
  add x29, x29, #FRAME
  save_rest
  bl runnel_exception_stack_overflow
  // fall through

leave:
  msr daifset, #0xf
  ldp x9, x10, [sp, #FRAME_ELR]
  msr elr_el1, x9
  msr spsr_el1, x10
  ldr x9, [sp, #FRAME_STACK]
  add x10, sp, #FRAME
  cmp x9, x10               // the handler changed SP, or this is the emergency stack
  ldp x2, x3, [sp, #16]
  ldp x4, x5, [sp, #32]
  ldp x6, x7, [sp, #48]
  ldp x8, x9, [sp, #64]
  ldp x10, x11, [sp, #80]
  ldp x12, x13, [sp, #96]
  ldp x14, x15, [sp, #112]
  ldp x16, x17, [sp, #128]
  ldp x18, x19, [sp, #144]
  ldp x20, x21, [sp, #160]
  ldp x22, x23, [sp, #176]
  ldp x24, x25, [sp, #192]
  ldp x26, x27, [sp, #208]
  ldp x28, x29, [sp, #224]
  ldr x30, [sp, #240]
  ldp x0, x1, [sp, #0]
  b.ne 1f
  add sp, sp, #FRAME
  eret
1:
  msr tpidrro_el0, x0
  ldr x0, [sp, #FRAME_STACK]
  mov sp, x0
  mrs x0, tpidrro_el0
  msr tpidrro_el0, xzr
  eret

  // runnel_capture_registers(Registers*): the caller's, as if it had been interrupted at its return address.
  .global runnel_capture_registers
  .type runnel_capture_registers, %function
runnel_capture_registers:
  stp x0, x1, [x0, #0]
  stp x2, x3, [x0, #16]
  stp x4, x5, [x0, #32]
  stp x6, x7, [x0, #48]
  stp x8, x9, [x0, #64]
  stp x10, x11, [x0, #80]
  stp x12, x13, [x0, #96]
  stp x14, x15, [x0, #112]
  stp x16, x17, [x0, #128]
  stp x18, x19, [x0, #144]
  stp x20, x21, [x0, #160]
  stp x22, x23, [x0, #176]
  stp x24, x25, [x0, #192]
  stp x26, x27, [x0, #208]
  stp x28, x29, [x0, #224]
  mov x9, sp
  stp x30, x9, [x0, #240]
  mrs x9, daif
  mov x10, #5                   // EL1h
  orr x9, x9, x10
  stp x30, x9, [x0, #FRAME_ELR]
  stp x29, x30, [x0, #FRAME_RECORD]
  ret

  // Before a CPU has its own emergency stack.
  .bss
  .balign 0x8000
  .skip 0x4000
  .skip 0x2000
  .global runnel_boot_emergency_stack_top
runnel_boot_emergency_stack_top:

  .section .note.GNU-stack, "", %progbits
