// SPDX-License-Identifier: Apache-2.0
// First instructions of a secondary CPU. This code is copied to a page below 1 MiB, which the startup IPI names; it runs
// there in real mode with CS = page >> 4 and IP = 0, knows its address from CS, and goes straight to long mode on the
// boot path's page tables, then on the kernel's.

  .section .rodata
  .code16
  .global runnel_trampoline_start
  .balign 16
runnel_trampoline_start:
  cli
  cld
  movw %cs, %ax
  movw %ax, %ds
  xorl %ebx, %ebx
  movw %ax, %bx
  shll $4, %ebx                   // linear address of this page
  // The two far targets and the descriptor table's address depend on where the page is.
  leal (long_mode - runnel_trampoline_start)(%ebx), %eax
  movl %eax, (long_mode_target - runnel_trampoline_start)
  leal (gdt - runnel_trampoline_start)(%ebx), %eax
  movl %eax, (gdt_pointer - runnel_trampoline_start + 2)
  lgdtl (gdt_pointer - runnel_trampoline_start)

  movl $0x20, %eax                // CR4.PAE
  movl %eax, %cr4
  movl 0xff8, %eax                // the boot tables, see smp.cpp; they lie below 4 GiB
  movl %eax, %cr3
  movl $0xc0000080, %ecx          // EFER: long mode, no-execute
  rdmsr
  orl $0x900, %eax
  wrmsr
  movl $0x80010001, %eax          // CR0: paging, write protect, protected mode
  movl %eax, %cr0
  ljmpl *(long_mode_target - runnel_trampoline_start)

  .code64
long_mode:
  movl $0x10, %eax
  movl %eax, %ds
  movl %eax, %es
  movl %eax, %ss
  movabsq $runnel_secondary_entry, %rax
  jmp *%rax

  .balign 8
long_mode_target:
  .long 0
  .word 0x08
gdt_pointer:
  .word 3 * 8 - 1
  .long 0
  .balign 8
gdt:
  .quad 0
  .quad 0x00af9b000000ffff        // 64-bit code
  .quad 0x00cf93000000ffff        // data
  .global runnel_trampoline_end
runnel_trampoline_end:

// At the kernel's own address now, on tables that map the image and the low page.
  .text
  .global runnel_secondary_entry
  .type runnel_secondary_entry, @function
runnel_secondary_entry:
  leaq runnel_trampoline_data(%rip), %rbx
  movq 24(%rbx), %rax
  movq %rax, %cr3                 // the kernel's tables: stacks are mapped in these only
  xorl %eax, %eax
  xchgq %rax, 0(%rbx)             // the stack: taken once only, see start_cpu
  testq %rax, %rax
  jz 1f
  movq %rax, %rsp
  movq 8(%rbx), %rdi
  movq 16(%rbx), %rsi
  xorl %ebp, %ebp
  pushq $0                        // ends backtraces, and aligns
  call runnel_secondary_main
1:
  cli
  hlt
  jmp 1b
  .size runnel_secondary_entry, . - runnel_secondary_entry
