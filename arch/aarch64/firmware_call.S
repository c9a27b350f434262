// SPDX-License-Identifier: Apache-2.0
// The instructions that leave the guest: PSCI by HVC or SMC, and the semihosting trap.

  .text
  // u64 runnel_hvc(u64 function, u64 a, u64 b, u64 c): SMC calling convention 1.1, 64 bits.
  .global runnel_hvc
  .type runnel_hvc, %function
runnel_hvc:
  hvc #0
  ret

  .global runnel_smc
  .type runnel_smc, %function
runnel_smc:
  smc #0
  ret

  // u64 runnel_semihosting(u64 operation, const void* block). Where the emulator has no semihosting the instruction
  // is undefined; exception.cpp steps over it then.
  .global runnel_semihosting
  .type runnel_semihosting, %function
runnel_semihosting:
  .global runnel_semihosting_trap
runnel_semihosting_trap:
  hlt #0xf000
  ret

  .section .note.GNU-stack, "", %progbits
