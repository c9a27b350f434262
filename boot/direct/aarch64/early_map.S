// SPDX-License-Identifier: Apache-2.0
// The first page tables, built with the MMU off: an identity map of the GiB the image lies in (read-only,
// executable), the direct map of the low 512 GiB (first GiB device registers), and the image with the permissions of
// its segments. And the boot stack.

#define DESC_TABLE 0x3
#define DESC_BLOCK 0x1
#define DESC_PAGE 0x3
#define ATTR_NORMAL (1 << 2)        // MAIR index 1
#define ATTR_DEVICE (0 << 2)        // MAIR index 0
#define READ_ONLY (1 << 7)
#define INNER_SHAREABLE (3 << 8)
#define ACCESSED (1 << 10)
#define PXN (1 << 53)
#define UXN (1 << 54)

#define NORMAL (ATTR_NORMAL | INNER_SHAREABLE | ACCESSED | UXN)
#define IMAGE_L3_TABLES 8           // as linker/kernel-aarch64.ld asserts: 2 MiB each

  .macro table_address reg, symbol, offset=0
  adrp \reg, \symbol
  add \reg, \reg, #\offset
  .endm

  // Maps the image's pages [\first, \last) with the attributes \bits. x22: physical start of the image, x14: L3.
  .macro map_image first, last, bits
  adrp x9, \first
  adrp x10, \last
  ldr x11, =(\bits)
  sub x12, x9, x22
  add x12, x14, x12, lsr #9         // 8 bytes for each 4096
1:
  cmp x9, x10
  b.hs 2f
  orr x13, x9, x11
  str x13, [x12], #8
  add x9, x9, #4096
  b 1b
2:
  .endm

  .section .text.boot, "ax"
  // Returns x0 = identity root, x1 = kernel root, x22 = physical address of the image. Clobbers x9..x15.
  .global boot_early_map
boot_early_map:
  adrp x22, __image_start

  table_address x0, boot_identity_tables
  add x9, x0, #4096
  orr x10, x9, #DESC_TABLE
  ubfx x11, x22, #39, #9
  str x10, [x0, x11, lsl #3]
  and x10, x22, #~((1 << 30) - 1)
  ldr x11, =(DESC_BLOCK | NORMAL | READ_ONLY)
  orr x10, x10, x11
  ubfx x11, x22, #30, #9
  str x10, [x9, x11, lsl #3]

  table_address x1, boot_kernel_tables      // L0, direct L1, image L1, image L2, image L3...
  add x9, x1, #4096
  orr x10, x9, #DESC_TABLE
  str x10, [x1, #(256 * 8)]                 // kDirectMap
  ldr x10, =(DESC_BLOCK | ATTR_DEVICE | ACCESSED | UXN | PXN)
  str x10, [x9], #8
  ldr x10, =(DESC_BLOCK | NORMAL | PXN | (1 << 30))
  mov x11, #511
  mov x12, #(1 << 30)
3:
  str x10, [x9], #8
  add x10, x10, x12
  subs x11, x11, #1
  b.ne 3b

  add x9, x1, #0x2000
  orr x10, x9, #DESC_TABLE
  str x10, [x1, #(511 * 8)]                 // kImageBase
  add x10, x1, #0x3000
  orr x11, x10, #DESC_TABLE
  str x11, [x9, #(510 * 8)]
  add x14, x1, #0x4000
  add x9, x10, #8                           // linked 2 MiB above kImageBase
  orr x10, x14, #DESC_TABLE
  mov x11, #IMAGE_L3_TABLES
4:
  str x10, [x9], #8
  add x10, x10, #4096
  subs x11, x11, #1
  b.ne 4b
  map_image __text_start, __text_end, (DESC_PAGE | NORMAL | READ_ONLY)
  map_image __rodata_start, __rodata_end, (DESC_PAGE | NORMAL | READ_ONLY | PXN)
  map_image __data_start, __data_end, (DESC_PAGE | NORMAL | PXN)
  map_image __ksyms_start, __ksyms_end, (DESC_PAGE | NORMAL | READ_ONLY | PXN)
  dsb sy
  ret

  // The boot stack is the upper half of a slot (kStackSlot in arch/layout.hpp), so that an overflow of it is
  // recognised like one of any other stack; tables that nobody touches any more fill most of the lower half.
  .bss
  .balign 0x8000
  .skip 0x1000
  .global boot_identity_tables
boot_identity_tables:
  .skip 0x2000
  .global boot_stack_guard
boot_stack_guard:                           // the kernel leaves this page unmapped
  .skip 0x1000
boot_stack:
  .skip 0x4000
  .global boot_stack_top
boot_stack_top:
boot_kernel_tables:
  .skip 0x1000 * (4 + IMAGE_L3_TABLES)

  .section .note.GNU-stack, "", %progbits
