// SPDX-License-Identifier: Apache-2.0
// rseq() for test programs: the system call, the C library's own registration, and critical sections.
#pragma once

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "tests/user/ktap.h"

#include <sched.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/auxv.h>
#include <sys/rseq.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef AT_RSEQ_FEATURE_SIZE
#define AT_RSEQ_FEATURE_SIZE 27
#define AT_RSEQ_ALIGN 28
#endif

enum { kRseqUnregister = 1 };

/* As the kernel has it; the C library's own lacks the later fields. */
struct rseq_area {
  uint32_t cpu_id_start, cpu_id;
  uint64_t rseq_cs;
  uint32_t flags, node_id, mm_cid, slice_ctrl;
  uint8_t rest[32];
};
struct rseq_section {
  uint32_t version, flags;
  uint64_t start_ip, post_commit_offset, abort_ip;
} __attribute__((aligned(32)));

static inline long sys_rseq(volatile void* area, uint32_t length, int flags, uint32_t signature) {
  return syscall(SYS_rseq, area, length, flags, signature);
}

/* The C library's, which it registered for the running thread. */
static inline volatile struct rseq_area* libc_area(void) {
  return (volatile struct rseq_area*)((char*)__builtin_thread_pointer() + __rseq_offset);
}
/* The C library's is given back, so that a test can have its own. */
static inline int libc_unregister(void) { return (int)sys_rseq(libc_area(), 32, kRseqUnregister, RSEQ_SIG); }
/* Version 2 in `area`, which has 64 bytes and their alignment. */
static inline int own_register(volatile struct rseq_area* area) {
  return libc_unregister() == 0 && sys_rseq(area, 64, 0, RSEQ_SIG) == 0;
}

static inline int run_on(unsigned cpu) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(cpu, &set);
  return sched_setaffinity(0, sizeof set, &set);
}
static inline unsigned here(void) {
  unsigned cpu = ~0u;
  syscall(SYS_getcpu, &cpu, NULL, NULL);
  return cpu;
}

/* A number of the kernel's statistics; -1: not there. */
static inline long long rseq_statistic(const char* name) {
  FILE* file = fopen("/proc/rseq_stats", "r");
  char line[64];
  long long value = -1, read;
  char key[32];
  if (file == NULL) return -1;
  while (fgets(line, sizeof line, file) != NULL)
    if (sscanf(line, "%31[^:]: %lld", key, &read) == 2 && strcmp(key, name) == 0) value = read;
  fclose(file);
  return value;
}

/* A critical section that turns `turns` times and then stores `value` to *to: 1 when it did, 0 when it was
   aborted. With `expected` another than the area's cpu_id nothing is done: -1. On x86_64 it turns without a
   pause, which costs the emulator more than all the rest. */
static inline int rseq_store_after(volatile struct rseq_area* area, uint32_t expected, uint64_t turns,
                                   volatile uint64_t* to, uint64_t value) {
#if defined(__x86_64__)
  __asm__ volatile goto(
      ".pushsection .data.rseq_cs, \"aw\"\n\t"
      ".balign 32\n"
      "3: .long 0, 0\n\t"
      ".quad 1f, 2f - 1f, 4f\n\t"
      ".popsection\n\t"
      "movq %[turns], %%rcx\n\t"
      "leaq 3b(%%rip), %%rax\n\t"
      "movq %%rax, 8(%[area])\n"
      "1: cmpl %[expected], 4(%[area])\n\t"
      "jne %l[moved]\n"
      "5: decq %%rcx\n\t"
      "jg 5b\n\t"
      "movq %[value], (%[to])\n"
      "2:\n\t"
      ".pushsection .text.rseq_abort, \"ax\"\n\t"
      ".byte 0x0f, 0xb9, 0x3d\n\t"
      ".long 0x53053053\n"
      "4: jmp %l[aborted]\n\t"
      ".popsection"
      :
      : [area] "r"(area), [expected] "r"(expected), [turns] "r"(turns), [to] "r"(to), [value] "r"(value)
      : "rax", "rcx", "memory", "cc"
      : moved, aborted);
#else
  __asm__ volatile goto(
      ".pushsection .data.rseq_cs, \"aw\"\n\t"
      ".balign 32\n"
      "3: .long 0, 0\n\t"
      ".quad 1f, 2f - 1f, 4f\n\t"
      ".popsection\n\t"
      "mov x10, %[turns]\n\t"
      "adrp x9, 3b\n\t"
      "add x9, x9, :lo12:3b\n\t"
      "str x9, [%[area], #8]\n"
      "1: ldr w9, [%[area], #4]\n\t"
      "cmp w9, %w[expected]\n\t"
      "b.ne %l[moved]\n"
      "5: yield\n\t"
      "subs x10, x10, #1\n\t"
      "b.gt 5b\n\t"
      "str %[value], [%[to]]\n"
      "2:\n\t"
      ".pushsection .text.rseq_abort, \"ax\"\n\t"
      ".inst 0xd428bc00\n"
      "4: b %l[aborted]\n\t"
      ".popsection"
      :
      : [area] "r"(area), [expected] "r"(expected), [turns] "r"(turns), [to] "r"(to), [value] "r"(value)
      : "x9", "x10", "memory", "cc"
      : moved, aborted);
#endif
  return 1;
moved:
  return -1;
aborted:
  return 0;
}
