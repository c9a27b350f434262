// SPDX-License-Identifier: Apache-2.0
// Copies to and from user memory. User memory is touched by unprivileged loads and stores (ldtr, sttr): they have the
// rights of EL0, so PAN stays on and no address of the kernel's can be reached through them.
// A fault in a larger piece goes on with smaller ones, so that all up to the bad byte is copied.

  .macro fixup at, resume
  .pushsection .runnel.fixups, "a"
  .quad \at, \resume
  .popsection
  .endm

  .text
  // usize uaccess_copy_from(x0 to, x1 user, x2 size): bytes not copied.
  .global runnel_uaccess_copy_from
  .type runnel_uaccess_copy_from, %function
runnel_uaccess_copy_from:
  subs x2, x2, #32
  b.lo 5f
1:ldtr x3, [x1]
2:ldtr x4, [x1, #8]
3:ldtr x5, [x1, #16]
4:ldtr x6, [x1, #24]
  stp x3, x4, [x0], #16
  stp x5, x6, [x0], #16
  add x1, x1, #32
  subs x2, x2, #32
  b.hs 1b
5:add x2, x2, #32
0:cmp x2, #8
  b.lo 7f
6:ldtr x3, [x1]
  str x3, [x0], #8
  add x1, x1, #8
  sub x2, x2, #8
  b 0b
7:cbz x2, 9f
8:ldtrb w3, [x1]
  strb w3, [x0], #1
  add x1, x1, #1
  sub x2, x2, #1
  b 7b
9:mov x0, x2
  ret
  fixup 1b, 5b
  fixup 2b, 5b
  fixup 3b, 5b
  fixup 4b, 5b
  fixup 6b, 7b
  fixup 8b, 9b

  // usize uaccess_copy_to(x0 user, x1 from, x2 size): bytes not copied.
  .global runnel_uaccess_copy_to
  .type runnel_uaccess_copy_to, %function
runnel_uaccess_copy_to:
  subs x2, x2, #32
  b.lo 5f
0:ldp x3, x4, [x1]
  ldp x5, x6, [x1, #16]
1:sttr x3, [x0]
2:sttr x4, [x0, #8]
3:sttr x5, [x0, #16]
4:sttr x6, [x0, #24]
  add x0, x0, #32
  add x1, x1, #32
  subs x2, x2, #32
  b.hs 0b
5:add x2, x2, #32
0:cmp x2, #8
  b.lo 7f
  ldr x3, [x1]
6:sttr x3, [x0]
  add x0, x0, #8
  add x1, x1, #8
  sub x2, x2, #8
  b 0b
7:cbz x2, 9f
  ldrb w3, [x1]
8:sttrb w3, [x0]
  add x0, x0, #1
  add x1, x1, #1
  sub x2, x2, #1
  b 7b
9:mov x0, x2
  ret
  fixup 1b, 5b
  fixup 2b, 5b
  fixup 3b, 5b
  fixup 4b, 5b
  fixup 6b, 7b
  fixup 8b, 9b

  // usize uaccess_clear(x0 user, x1 size): bytes not cleared.
  .global runnel_uaccess_clear
  .type runnel_uaccess_clear, %function
runnel_uaccess_clear:
  subs x1, x1, #32
  b.lo 5f
1:sttr xzr, [x0]
2:sttr xzr, [x0, #8]
3:sttr xzr, [x0, #16]
4:sttr xzr, [x0, #24]
  add x0, x0, #32
  subs x1, x1, #32
  b.hs 1b
5:add x1, x1, #32
0:cmp x1, #8
  b.lo 7f
6:sttr xzr, [x0]
  add x0, x0, #8
  sub x1, x1, #8
  b 0b
7:cbz x1, 9f
8:sttrb wzr, [x0]
  add x0, x0, #1
  sub x1, x1, #1
  b 7b
9:mov x0, x1
  ret
  fixup 1b, 5b
  fixup 2b, 5b
  fixup 3b, 5b
  fixup 4b, 5b
  fixup 6b, 7b
  fixup 8b, 9b

  .section .note.GNU-stack, "", %progbits
