// SPDX-License-Identifier: Apache-2.0
// Bringing a CPU from the state it starts in (EL2 or EL1, MMU off) to EL1 with the kernel's translation regime, and
// the first instructions of a secondary CPU. Runs at physical addresses, so everything here is PC-relative.

#define HCR_RW (1 << 31)
#define HCR_APK_API (3 << 40)
// RES1 of Armv8.0 except SPAN, which stays 0: an exception sets PAN. EL0 may wait and use cache operations.
#define SCTLR_RES1 ((1 << 29) | (1 << 28) | (1 << 22) | (1 << 20) | (1 << 11) | (1 << 8) | (1 << 7))
#define SCTLR_EL0 ((1 << 26) | (1 << 18) | (1 << 16) | (1 << 15) | (1 << 14))
#define SCTLR_SP_CHECK ((1 << 3) | (1 << 4))
#define SCTLR_MMU ((1 << 0) | (1 << 2) | (1 << 12) | (1 << 19)) // M, C, I, WXN
// Index 0 Device-nGnRE, 1 Normal write-back, 2 Normal non-cacheable.
#define MAIR 0x44ff04
// 48 bits both halves, 4 KiB granules, tables in cacheable inner-shareable memory.
#define TCR ((16 << 0) | (1 << 8) | (1 << 10) | (3 << 12) | (16 << 16) | (1 << 24) | (1 << 26) | (3 << 28) | (2 << 30))
#define TCR_EPD0 (1 << 7)

  .section .text.boot, "ax"
  // Returns at EL1 with the MMU off and everything masked. Clobbers x9, x10.
  .global arch_enter_el1
  .type arch_enter_el1, %function
arch_enter_el1:
  mrs x9, CurrentEL
  cmp x9, #8
  b.eq 1f
  ldr x9, =(SCTLR_RES1 | SCTLR_EL0 | SCTLR_SP_CHECK)
  msr sctlr_el1, x9
  msr spsel, #1
  isb
  ret
1:
  ldr x9, =(HCR_RW | HCR_APK_API)
  msr hcr_el2, x9
  isb                               // E2H is off from here: the registers below have their plain meaning
  ldr x9, =(SCTLR_RES1 | SCTLR_EL0 | SCTLR_SP_CHECK)
  msr sctlr_el1, x9
  mov x9, #3                        // EL1 reads both counters and programs the physical timer
  msr cnthctl_el2, x9
  msr cntvoff_el2, xzr
  msr vttbr_el2, xzr
  msr hstr_el2, xzr
  mrs x9, pmcr_el0
  ubfx x9, x9, #11, #5              // HPMN: all event counters belong to EL1
  msr mdcr_el2, x9
  mov x9, #0x32ff                   // no trap of FP, SVE
  msr cptr_el2, x9
  mrs x9, midr_el1
  msr vpidr_el2, x9
  mrs x9, mpidr_el1
  msr vmpidr_el2, x9
  mrs x9, id_aa64pfr0_el1
  ubfx x10, x9, #32, #4             // SVE
  cbz x10, 2f
  isb
  mov x10, #0xf
  msr S3_4_C1_C2_0, x10             // ZCR_EL2: the longest vectors
2:
  ubfx x10, x9, #24, #4             // GIC system registers
  cbz x10, 3f
  mrs x10, S3_4_C12_C9_5            // ICC_SRE_EL2
  orr x10, x10, #1                  // SRE
  orr x10, x10, #8                  // Enable: EL1 uses them too
  msr S3_4_C12_C9_5, x10
  isb
  msr S3_4_C12_C11_0, xzr           // ICH_HCR_EL2
3:
  mrs x9, id_aa64mmfr0_el1
  ubfx x10, x9, #56, #4             // fine-grained traps: none
  cbz x10, 4f
  msr S3_4_C1_C1_4, xzr             // HFGRTR_EL2
  msr S3_4_C1_C1_5, xzr             // HFGWTR_EL2
  msr S3_4_C1_C1_6, xzr             // HFGITR_EL2
  msr S3_4_C3_C1_4, xzr             // HDFGRTR_EL2
  msr S3_4_C3_C1_5, xzr             // HDFGWTR_EL2
4:
  mov x9, #0x3c5                    // EL1h, all masked
  msr spsr_el2, x9
  msr elr_el2, x30
  eret

  // arch_mmu_on(x0 identity root, x1 kernel root): returns with the MMU on. Clobbers x9, x10.
  .global arch_mmu_on
  .type arch_mmu_on, %function
arch_mmu_on:
  ldr x9, =MAIR
  msr mair_el1, x9
  ldr x9, =TCR
  mrs x10, id_aa64mmfr0_el1
  and x10, x10, #0xf                // PARange; 48 bits are enough
  cmp x10, #5
  b.ls 5f
  mov x10, #5
5:
  orr x9, x9, x10, lsl #32
  msr tcr_el1, x9
  msr ttbr0_el1, x0
  msr ttbr1_el1, x1
  isb
  tlbi vmalle1
  ic iallu
  dsb nsh
  isb
  ldr x9, =(SCTLR_RES1 | SCTLR_EL0 | SCTLR_SP_CHECK | SCTLR_MMU)
  msr sctlr_el1, x9
  isb
  ret

  // First instruction of a secondary CPU; x0 = physical address of its SecondaryStart (smp.cpp).
  .global runnel_secondary_entry
  .type runnel_secondary_entry, %function
runnel_secondary_entry:
  msr daifset, #0xf
  bl arch_enter_el1
  mov x19, x0
  ldp x0, x1, [x19]                 // identity root, kernel root
  ldp x20, x22, [x19, #16]          // idle thread; virtual address of what follows
  ldp x23, x21, [x19, #32]          // stack top, CPU number
  bl arch_mmu_on
  br x22
  .global runnel_secondary_virtual
runnel_secondary_virtual:
  mov sp, x23
  mov x29, xzr
  mov x30, xzr
  mov x0, x21
  mov x1, x20
  bl runnel_secondary_main
  brk #0                   // does not return

  // runnel_switch_kernel_root(x0 root): replaces TTBR1 by way of the identity map, where nothing of either tree is
  // in use, and flushes the TLB. All exceptions masked; called at the linked address.
  .global runnel_switch_kernel_root
  .type runnel_switch_kernel_root, %function
runnel_switch_kernel_root:
  adr x9, 6f
  at s1e1r, x9
  isb
  mrs x10, par_el1
  and x11, x10, #0xfffffffff000
  and x12, x9, #0xfff
  orr x11, x11, x12
  br x11
6:
  ldr x9, =(TCR | (1 << 23))        // EPD1: no walk of the old tree while it goes
  mrs x10, tcr_el1
  and x12, x10, #(7 << 32)
  orr x9, x9, x12
  msr tcr_el1, x9
  isb
  tlbi vmalle1
  dsb nsh
  isb
  msr ttbr1_el1, x0
  msr tcr_el1, x10
  isb
  ret

  .section .note.GNU-stack, "", %progbits
