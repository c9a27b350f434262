// SPDX-License-Identifier: Apache-2.0
// Stands in for the symbol table in the first of the two links.
  .section .ksyms, "a"
  .balign 8
  .quad 0
