// SPDX-License-Identifier: Apache-2.0
// Both ways into the kernel on x86_64, each ending in long mode on the early page tables at the linked address:
//   pvh_entry   32-bit protected mode, paging off, ebx = hvm_start_info (Xen's PVH start ABI, as QEMU speaks it)
//   uefi_entry  64-bit mode on the firmware's identity map, rdi = BootInfo, loaded anywhere below 4 GiB
// Early tables: the low 512 GiB at 0 and at kDirectMap with 1 GiB pages, the first 1 GiB of the image's neighbourhood
// at kImageBase with 2 MiB pages. They are writable and executable, and gone once the kernel has its own.

  .set KERNEL_VMA, 0xffffffff80000000
  .set BOOT_STACK_SIZE, 16384

  .section .note.pvh, "a", @note
  .balign 4
  .long 4, 4, 18                  // name size, descriptor size, XEN_ELFNOTE_PHYS32_ENTRY
  .asciz "Xen"
  .long pvh_entry - KERNEL_VMA

  .section .head, "ax"
  .code32
  .global pvh_entry
pvh_entry:
  cli
  cld
  movl $(boot_stack_end - KERNEL_VMA), %esp
  movl %ebx, %edi
  // Long mode, no-execute and 1 GiB pages, or a message and out.
  movl $(message_no_long_mode - KERNEL_VMA), %esi
  movl $0x80000000, %eax
  cpuid
  cmpl $0x80000001, %eax
  jb fail32
  movl $0x80000001, %eax
  cpuid
  testl $(1 << 29), %edx
  jz fail32
  movl $(message_no_nx - KERNEL_VMA), %esi
  testl $(1 << 20), %edx
  jz fail32
  movl $(message_no_large - KERNEL_VMA), %esi
  testl $(1 << 26), %edx
  jz fail32
  movl $(message_truncated - KERNEL_VMA), %esi
  cmpl $0x454e4e52, __image_end - KERNEL_VMA - 8 // "RNNE" of the mark linker/sections.ld ends with
  jne fail32

  // Zero .bss: it holds the page tables.
  movl %edi, %ebx
  movl $(__bss_start - KERNEL_VMA), %edi
  movl $(__bss_end - KERNEL_VMA), %ecx
  subl %edi, %ecx
  shrl $2, %ecx
  xorl %eax, %eax
  rep stosl

  // Top level: 0 and kDirectMap (slot 256) share one table; slot 511 leads to the image.
  movl $(runnel_boot_pml4 - KERNEL_VMA), %edi
  movl $(low_pdpt - KERNEL_VMA + 3), %eax
  movl %eax, (%edi)
  movl %eax, 256*8(%edi)
  movl $(image_pdpt - KERNEL_VMA + 3), 511*8(%edi)
  movl $(image_pd - KERNEL_VMA + 3), image_pdpt - KERNEL_VMA + 510*8

  movl $(low_pdpt - KERNEL_VMA), %edi // 512 pages of 1 GiB: present, writable, large
  movl $0x83, %eax
  xorl %edx, %edx
1:
  movl %eax, (%edi)
  movl %edx, 4(%edi)
  addl $0x40000000, %eax
  adcl $0, %edx
  addl $8, %edi
  cmpl $(low_pdpt - KERNEL_VMA + 4096), %edi
  jne 1b

  movl $(image_pd - KERNEL_VMA), %edi // 1 GiB from physical 0 in 2 MiB pages
  movl $0x83, %eax
1:
  movl %eax, (%edi)
  addl $0x200000, %eax
  addl $8, %edi
  cmpl $(image_pd - KERNEL_VMA + 4096), %edi
  jne 1b

  movl %cr4, %eax
  orl $0x20, %eax                 // PAE
  movl %eax, %cr4
  movl $(runnel_boot_pml4 - KERNEL_VMA), %eax
  movl %eax, %cr3
  movl $0xc0000080, %ecx          // EFER: long mode, no-execute
  rdmsr
  orl $0x900, %eax
  wrmsr
  movl $0x80010001, %eax          // paging, write protect, protected mode
  movl %eax, %cr0
  lgdt boot_gdt_pointer - KERNEL_VMA
  ljmpl $0x08, $(pvh_long_mode - KERNEL_VMA)

fail32: // esi: message; everything after it is the same for all
  movl %esi, %ebp
1:
  movb (%ebp), %al
  testb %al, %al
  jz 3f
  movw $0x3fd, %dx
  movb %al, %cl
2:
  pause
  inb %dx, %al
  testb $0x20, %al
  jz 2b
  movb %cl, %al
  movw $0x3f8, %dx
  outb %al, %dx
  incl %ebp
  jmp 1b
3:
  movl $0x15, %eax                // ExitCode::kBootFailed
  movw $0xf4, %dx
  outl %eax, %dx
4:
  cli
  hlt
  jmp 4b

  .code64
pvh_long_mode:
  movl $0x10, %eax
  movl %eax, %ds
  movl %eax, %es
  movl %eax, %ss
  movl %ebx, %edi                 // hvm_start_info
  movabsq $boot_stack_end, %rsp
  movabsq $runnel_pvh_main, %rax
  jmp enter_kernel

  .global uefi_entry
uefi_entry:
  cli
  cld
  movq %rdi, %r12                 // BootInfo
  leaq __image_start(%rip), %r13  // where the image is
  leaq __image_end - 8(%rip), %rax
  leaq message_truncated(%rip), %rsi
  cmpl $0x454e4e52, (%rax)
  jne fail64
  leaq message_too_high(%rip), %rsi
  leaq __image_end(%rip), %rax
  shrq $32, %rax                  // secondary CPUs load the address of these tables in 32-bit mode
  jnz fail64
  movl $0x80000001, %eax
  cpuid
  leaq message_no_nx(%rip), %rsi
  testl $(1 << 20), %edx
  jz fail64
  leaq message_no_large(%rip), %rsi
  testl $(1 << 26), %edx
  jz fail64
  movq %r13, %rbx
  subq $0x200000, %rbx            // physical address of KERNEL_VMA
  leaq message_five_levels(%rip), %rsi
  movq %cr4, %rax
  testl $0x1000, %eax             // LA57 cannot be left without leaving long mode
  jnz fail64

  leaq __bss_start(%rip), %rdi
  leaq __bss_end(%rip), %rcx
  subq %rdi, %rcx
  shrq $3, %rcx
  xorl %eax, %eax
  rep stosq

  leaq runnel_boot_pml4(%rip), %rdi
  leaq low_pdpt(%rip), %rax
  orq $3, %rax
  movq %rax, (%rdi)
  movq %rax, 256*8(%rdi)
  leaq image_pdpt(%rip), %rax
  orq $3, %rax
  movq %rax, 511*8(%rdi)
  leaq image_pd(%rip), %rcx
  orq $3, %rcx
  movq %rcx, image_pdpt + 510*8(%rip)

  leaq low_pdpt(%rip), %rdi
  movl $0x83, %eax
  movl $512, %ecx
1:
  movq %rax, (%rdi)
  addq $0x40000000, %rax
  addq $8, %rdi
  decl %ecx
  jnz 1b

  leaq image_pd(%rip), %rdi       // from the image's own place
  leaq 0x83(%rbx), %rax
  movl $512, %ecx
1:
  movq %rax, (%rdi)
  addq $0x200000, %rax
  addq $8, %rdi
  decl %ecx
  jnz 1b

  movl $0xc0000080, %ecx
  rdmsr
  orl $0x800, %eax                // no-execute
  wrmsr
  movq %cr4, %rax
  andq $~0x20000, %rax            // no process-context ids: CR3 below carries none
  movq %rax, %cr4
  leaq runnel_boot_pml4(%rip), %rax
  movq %rax, %cr3
  movq %r12, %rdi
  movabsq $boot_stack_end, %rsp
  movabsq $runnel_uefi_main, %rax
enter_kernel:
  xorl %ebp, %ebp
  pushq $0                        // ends backtraces, and aligns
  callq *%rax
  ud2

// boot_die(rdi: text): says it on the first serial port and ends the emulator with "boot failed".
  .global boot_die
boot_die:
  movq %rdi, %rsi
fail64:
1:
  movb (%rsi), %cl
  testb %cl, %cl
  jz 3f
2:
  pause
  movw $0x3fd, %dx
  inb %dx, %al
  testb $0x20, %al
  jz 2b
  movb %cl, %al
  movw $0x3f8, %dx
  outb %al, %dx
  incq %rsi
  jmp 1b
3:
  movl $0x15, %eax
  movw $0xf4, %dx
  outl %eax, %dx
4:
  hlt
  jmp 4b

message_no_long_mode:
  .asciz "runnel: error the CPU has no long mode; use -cpu max\nrunnel: end boot-failed\n"
message_no_nx:
  .asciz "runnel: error the CPU has no no-execute pages (NX); use -cpu max\nrunnel: end boot-failed\n"
message_no_large:
  .asciz "runnel: error the CPU has no 1 GiB pages; use -cpu max\nrunnel: end boot-failed\n"
message_too_high:
  .asciz "runnel: error the loader placed the kernel above 4 GiB\nrunnel: end boot-failed\n"
message_five_levels:
  .asciz "runnel: error the firmware runs on five-level page tables; use -cpu max,-la57\nrunnel: end boot-failed\n"
message_truncated:
  .asciz "runnel: error the kernel image is truncated: its end is missing\nrunnel: end boot-failed\n"

  .balign 8
boot_gdt:
  .quad 0
  .quad 0x00af9b000000ffff        // 64-bit code
  .quad 0x00cf93000000ffff        // data
boot_gdt_pointer:
  .word 3 * 8 - 1
  .long boot_gdt - KERNEL_VMA

  .section .bss.boot, "aw", @nobits
  .balign 4096
  .global runnel_boot_pml4
runnel_boot_pml4:
  .skip 4096
low_pdpt:
  .skip 4096
image_pdpt:
  .skip 4096
image_pd:
  .skip 4096
  .global boot_stack_guard
boot_stack_guard:                 // left out of the kernel's map
  .skip 4096
  .skip BOOT_STACK_SIZE
boot_stack_end:
