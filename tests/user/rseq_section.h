// SPDX-License-Identifier: Apache-2.0
// Critical sections in assembly: SECTION_BEGIN, what is done in it, SECTION_END, in one asm goto with the
// operands [area], [cpu] (what is expected in the area's word at `OFFSET`: "4" the CPU, "24" the concurrency
// id), the labels `moved` (it was another) and `aborted`, and the CLOBBERS. SCRATCH is a register for it.
#pragma once

#include "tests/user/rseq.h"

#if defined(__x86_64__)
#define SECTION_BEGIN_AT(OFFSET)                                                                             \
  ".pushsection .data.rseq_cs, \"aw\"\n\t.balign 32\n3: .long 0, 0\n\t.quad 1f, 2f - 1f, "                   \
  "4f\n\t.popsection\n\t"                                                                                    \
  "leaq 3b(%%rip), %%rax\n\tmovq %%rax, 8(%[area])\n"                                                        \
  "1: cmpl %[cpu], " OFFSET "(%[area])\n\tjne %l[moved]\n\t"
#define SECTION_END                                                                                          \
  "2:\n\t.pushsection .text.rseq_abort, \"ax\"\n\t.byte 0x0f, 0xb9, 0x3d\n\t.long 0x53053053\n"              \
  "4: jmp %l[aborted]\n\t.popsection"
#define CLOBBERS "rax", "rcx", "memory", "cc"
/* So many turns of a loop, with a pause at the end: tests/user/burn.h. */
#define DELAY(TURNS) "movl $" TURNS ", %%ecx\n5: decl %%ecx\n\tjnz 5b\n\tpause\n\t"
#else
#define SECTION_BEGIN_AT(OFFSET)                                                                             \
  ".pushsection .data.rseq_cs, \"aw\"\n\t.balign 32\n3: .long 0, 0\n\t.quad 1f, 2f - 1f, "                   \
  "4f\n\t.popsection\n\t"                                                                                    \
  "adrp x9, 3b\n\tadd x9, x9, :lo12:3b\n\tstr x9, [%[area], #8]\n"                                           \
  "1: ldr w9, [%[area], #" OFFSET "]\n\tcmp w9, %w[cpu]\n\tb.ne %l[moved]\n\t"
#define SECTION_END                                                                                          \
  "2:\n\t.pushsection .text.rseq_abort, \"ax\"\n\t.inst 0xd428bc00\n4: b %l[aborted]\n\t.popsection"
#define CLOBBERS "x9", "x10", "memory", "cc"
#define DELAY(TURNS) "mov x10, #" TURNS "\n5: subs x10, x10, #1\n\tb.ne 5b\n\tyield\n\t"
#endif
#define SECTION_BEGIN SECTION_BEGIN_AT("4")
