// SPDX-License-Identifier: Apache-2.0
// The arm64 Image header and both ways in: a direct boot (x0 = device tree, MMU off) and the UEFI loader
// (x0 = BootInfo, MMU on or off), each at EL1 or EL2. Position-independent until the MMU is on.

  .section .head, "ax"
  .global boot_head
boot_head:
  b image_entry
  .long 0
  .quad 0x200000           // text_offset: 2 MiB above the start of RAM
  .quad runnel_image_size  // covers .bss, which lies inside the file
  .quad 0xa                // little-endian, 4 KiB pages, anywhere in memory
  .quad 0, 0, 0
  .ascii "ARM\x64"
  .long 0

image_entry:
  mov x21, x0
  mov x20, #0              // boot_main's Way::kImage
  b common_entry

  // Linked address turned physical by the linker script: the ELF entry point.
  .global uefi_entry
uefi_entry:
  msr daifset, #0xf
  mov x21, x0
  mov x20, #1              // boot_main's Way::kUefi
  // With the MMU goes the cache: what the loader wrote must be in memory first.
  adrp x0, __image_start
  adrp x1, __image_end
1:
  dc civac, x0
  add x0, x0, #64
  cmp x0, x1
  b.lo 1b
  mov x0, x21
  add x1, x21, #0x4000     // more than a BootInfo
2:
  dc civac, x0
  add x0, x0, #64
  cmp x0, x1
  b.lo 2b
  dsb sy
  mrs x9, CurrentEL
  cmp x9, #8
  b.eq 3f
  mrs x9, sctlr_el1
  bic x9, x9, #0x1         // M
  bic x9, x9, #0x4         // C
  bic x9, x9, #0x1000      // I
  msr sctlr_el1, x9
  b 4f
3:
  mrs x9, sctlr_el2
  bic x9, x9, #0x1
  bic x9, x9, #0x4
  bic x9, x9, #0x1000
  msr sctlr_el2, x9
4:
  isb
  ic iallu
  dsb nsh
  isb

common_entry:
  msr daifset, #0xf
  bl arch_enter_el1
  adr x9, early_vectors
  msr vbar_el1, x9
  isb

  // QEMU loads a cut Image without a word; the last eight bytes tell.
  adrp x9, __image_end
  ldr x9, [x9, #-8]
  ldr x10, tail_magic
  cmp x9, x10
  b.eq 5f
  adr x0, truncated_text
  mov x1, #0x09000000
  b boot_die
5:
  mrs x9, id_aa64isar0_el1
  ubfx x9, x9, #20, #4     // Atomic
  mrs x10, id_aa64mmfr1_el1
  ubfx x10, x10, #20, #4   // PAN
  cmp x9, #2
  ccmp x10, #1, #0, hs     // both, or "lower"
  adr x0, old_cpu_text
  mov x1, #0x09000000
  b.lo boot_die
  // .bss is zero in an Image, but not in memory a loader reuses.
  adrp x9, __bss_start
  adrp x10, __bss_end
6:
  stp xzr, xzr, [x9], #16
  cmp x9, x10
  b.lo 6b

  bl boot_early_map        // x0, x1: identity and kernel tables
  bl arch_mmu_on
  ldr x9, =boot_virtual
  br x9

boot_virtual:              // at the linked address from here
  ldr x9, =early_vectors
  msr vbar_el1, x9
  isb
  ldr x9, =boot_stack_top
  mov sp, x9
  mov x29, xzr
  mov x30, xzr
  mov x0, x21
  mov x1, x20
  mov x2, x22              // physical address of the image's first byte, from boot_early_map
  bl boot_main
  brk #0                   // does not return

  .balign 8
tail_magic:
  .quad 0x444e454c454e4e52 // "RNNELEND", as linker/kernel-aarch64.ld writes it

truncated_text:
  .asciz "runnel: error the kernel image is truncated: its last bytes are not in memory\nrunnel: end boot-failed\n"
old_cpu_text:
  .asciz "runnel: error the CPU is older than Armv8.1 (no atomic instructions or no PAN)\nrunnel: end boot-failed\n"
exception_text:
  .asciz "runnel: error exception in early boot (ESR, ELR, FAR):"
end_text:
  .asciz "\nrunnel: end boot-failed\n"

  .balign 4
  // puts: x0 text, x1 base of a PL011; keeps x1; clobbers x0, x9, x10.
puts:
  ldrb w9, [x0], #1
  cbz w9, 8f
7:
  ldr w10, [x1, #0x18]     // UARTFR
  yield
  tbnz w10, #5, 7b         // TXFF
  str w9, [x1]
  b puts
8:
  ret

  // put_hex: x2 value, x1 base of a PL011; clobbers x9, x10, x11.
put_hex:
  mov w9, #' '
  str w9, [x1]
  mov x10, #60
9:
  lsr x11, x2, x10
  and w11, w11, #0xf
  add w9, w11, #'0'
  cmp w11, #10
  add w11, w11, #('a' - 10)
  csel w9, w9, w11, lo
  str w9, [x1]
  subs x10, x10, #4
  b.ge 9b
  ret

  // boot_die(x0 text, x1 PL011): says it and ends the emulator with ExitCode::kBootFailed.
  .global boot_die
boot_die:
  bl puts
boot_exit:
  movz x2, #0x0026
  movk x2, #0x2, lsl #16   // ADP_Stopped_ApplicationExit
  mov x3, #0x15            // kBootFailed
  adrp x1, boot_exit_block
  add x1, x1, :lo12:boot_exit_block
  stp x2, x3, [x1]
  mov w0, #0x20            // SYS_EXIT_EXTENDED
  hlt #0xf000
10:
  wfi                      // no semihosting: stay put
  b 10b

early_exception:
  mov x1, #0x09000000
  mrs x9, sctlr_el1
  tbz w9, #0, 11f
  movk x1, #0x8000, lsl #32 // through the direct map
  movk x1, #0xffff, lsl #48
11:
  adr x0, exception_text
  bl puts
  mrs x2, esr_el1
  bl put_hex
  mrs x2, elr_el1
  bl put_hex
  mrs x2, far_el1
  bl put_hex
  adr x0, end_text
  b boot_die

  .balign 2048
early_vectors:
  .rept 16
  .balign 128
  b early_exception
  .endr

  .data
  .balign 16
boot_exit_block:
  .quad 0, 0

  .section .note.GNU-stack, "", %progbits
