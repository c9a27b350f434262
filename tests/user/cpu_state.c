// SPDX-License-Identifier: Apache-2.0
// cpu_state SEED MILLISECONDS: the vector registers and the thread pointer are this program's alone. They are
// as a new program has them at its entry point, and keep what was put into them while others run on the same
// CPUs. SEED makes its values different from those of other instances. KTAP.
#include "tests/user/ktap.h"

#include <stdint.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#ifdef __aarch64__
#define REGISTERS 32
#define START_CONTROL 0 // FPCR
#else
#define REGISTERS 16
#define START_CONTROL 0x1f80 // MXCSR
#endif

struct vectors {
  uint64_t lane[REGISTERS][2];
} __attribute__((aligned(16)));

__attribute__((used)) static struct vectors entry_vectors;
__attribute__((used)) static uint64_t entry_control = 1;

#ifdef __aarch64__
__asm__(".globl probe_start\n"
        "probe_start:\n"
        "  adrp x1, entry_vectors\n"
        "  add x1, x1, :lo12:entry_vectors\n"
        "  stp q0, q1, [x1]\n  stp q2, q3, [x1, #32]\n  stp q4, q5, [x1, #64]\n  stp q6, q7, [x1, #96]\n"
        "  stp q8, q9, [x1, #128]\n  stp q10, q11, [x1, #160]\n  stp q12, q13, [x1, #192]\n"
        "  stp q14, q15, [x1, #224]\n  stp q16, q17, [x1, #256]\n  stp q18, q19, [x1, #288]\n"
        "  stp q20, q21, [x1, #320]\n  stp q22, q23, [x1, #352]\n  stp q24, q25, [x1, #384]\n"
        "  stp q26, q27, [x1, #416]\n  stp q28, q29, [x1, #448]\n  stp q30, q31, [x1, #480]\n"
        "  mrs x2, fpcr\n"
        "  mrs x3, fpsr\n"
        "  orr x2, x2, x3\n"
        "  adrp x1, entry_control\n"
        "  str x2, [x1, :lo12:entry_control]\n"
        "  mov x1, #0\n  mov x2, #0\n  mov x3, #0\n"
        "  b _start\n");

/* All registers from `in`, then `spins` turns, then all registers to `out`: nothing of the compiler's
 * between. */
static void turn(const struct vectors* in, struct vectors* out, uint64_t spins) {
  __asm__ volatile(
      "ldp q0, q1, [%0]\n ldp q2, q3, [%0, #32]\n ldp q4, q5, [%0, #64]\n ldp q6, q7, [%0, #96]\n"
      "ldp q8, q9, [%0, #128]\n ldp q10, q11, [%0, #160]\n ldp q12, q13, [%0, #192]\n"
      "ldp q14, q15, [%0, #224]\n ldp q16, q17, [%0, #256]\n ldp q18, q19, [%0, #288]\n"
      "ldp q20, q21, [%0, #320]\n ldp q22, q23, [%0, #352]\n ldp q24, q25, [%0, #384]\n"
      "ldp q26, q27, [%0, #416]\n ldp q28, q29, [%0, #448]\n ldp q30, q31, [%0, #480]\n"
      "1: subs %2, %2, #1\n b.ne 1b\n"
      "stp q0, q1, [%1]\n stp q2, q3, [%1, #32]\n stp q4, q5, [%1, #64]\n stp q6, q7, [%1, #96]\n"
      "stp q8, q9, [%1, #128]\n stp q10, q11, [%1, #160]\n stp q12, q13, [%1, #192]\n"
      "stp q14, q15, [%1, #224]\n stp q16, q17, [%1, #256]\n stp q18, q19, [%1, #288]\n"
      "stp q20, q21, [%1, #320]\n stp q22, q23, [%1, #352]\n stp q24, q25, [%1, #384]\n"
      "stp q26, q27, [%1, #416]\n stp q28, q29, [%1, #448]\n stp q30, q31, [%1, #480]\n"
      : "+r"(in), "+r"(out), "+r"(spins)
      :
      : "memory", "cc", "v0", "v1", "v2", "v3", "v4", "v5", "v6", "v7", "v8", "v9", "v10", "v11", "v12",
        "v13", "v14", "v15", "v16", "v17", "v18", "v19", "v20", "v21", "v22", "v23", "v24", "v25", "v26",
        "v27", "v28", "v29", "v30", "v31");
}

static void set_rounding(uint64_t mode) { __asm__ volatile("msr fpcr, %0" ::"r"(mode << 22)); }
static uint64_t rounding(void) {
  uint64_t control;
  __asm__ volatile("mrs %0, fpcr" : "=r"(control));
  return control >> 22 & 3;
}
#else
__asm__(".globl probe_start\n"
        "probe_start:\n"
        "  leaq entry_vectors(%rip), %rax\n"
        "  movaps %xmm0, (%rax)\n  movaps %xmm1, 16(%rax)\n  movaps %xmm2, 32(%rax)\n"
        "  movaps %xmm3, 48(%rax)\n  movaps %xmm4, 64(%rax)\n  movaps %xmm5, 80(%rax)\n"
        "  movaps %xmm6, 96(%rax)\n  movaps %xmm7, 112(%rax)\n  movaps %xmm8, 128(%rax)\n"
        "  movaps %xmm9, 144(%rax)\n  movaps %xmm10, 160(%rax)\n  movaps %xmm11, 176(%rax)\n"
        "  movaps %xmm12, 192(%rax)\n  movaps %xmm13, 208(%rax)\n  movaps %xmm14, 224(%rax)\n"
        "  movaps %xmm15, 240(%rax)\n"
        "  movq $0, entry_control(%rip)\n"
        "  stmxcsr entry_control(%rip)\n"
        "  xorl %eax, %eax\n"
        "  jmp _start\n");

static void turn(const struct vectors* in, struct vectors* out, uint64_t spins) {
  __asm__ volatile(
      "movaps (%0), %%xmm0\n movaps 16(%0), %%xmm1\n movaps 32(%0), %%xmm2\n movaps 48(%0), %%xmm3\n"
      "movaps 64(%0), %%xmm4\n movaps 80(%0), %%xmm5\n movaps 96(%0), %%xmm6\n"
      "movaps 112(%0), %%xmm7\n movaps 128(%0), %%xmm8\n movaps 144(%0), %%xmm9\n"
      "movaps 160(%0), %%xmm10\n movaps 176(%0), %%xmm11\n movaps 192(%0), %%xmm12\n"
      "movaps 208(%0), %%xmm13\n movaps 224(%0), %%xmm14\n movaps 240(%0), %%xmm15\n"
      "1: decq %2\n jnz 1b\n"
      "movaps %%xmm0, (%1)\n movaps %%xmm1, 16(%1)\n movaps %%xmm2, 32(%1)\n movaps %%xmm3, 48(%1)\n"
      "movaps %%xmm4, 64(%1)\n movaps %%xmm5, 80(%1)\n movaps %%xmm6, 96(%1)\n"
      "movaps %%xmm7, 112(%1)\n movaps %%xmm8, 128(%1)\n movaps %%xmm9, 144(%1)\n"
      "movaps %%xmm10, 160(%1)\n movaps %%xmm11, 176(%1)\n movaps %%xmm12, 192(%1)\n"
      "movaps %%xmm13, 208(%1)\n movaps %%xmm14, 224(%1)\n movaps %%xmm15, 240(%1)\n"
      : "+r"(in), "+r"(out), "+r"(spins)
      :
      : "memory", "cc", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9",
        "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15");
}

static void set_rounding(uint64_t mode) {
  const uint32_t control = START_CONTROL | (uint32_t)mode << 13;
  __asm__ volatile("ldmxcsr %0" ::"m"(control));
}
static uint64_t rounding(void) {
  uint32_t control;
  __asm__ volatile("stmxcsr %0" : "=m"(control));
  return control >> 13 & 3;
}
#endif

static int64_t now_ms(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

static _Thread_local uint64_t own;

int main(int argc, char** argv) {
  const uint64_t seed = argc > 1 ? strtoul(argv[1], NULL, 0) : 1;
  const int64_t milliseconds = argc > 2 ? atol(argv[2]) : 20;
  plan(6);
  uint64_t set = 0;
  for (int i = 0; i < REGISTERS; ++i) set |= entry_vectors.lane[i][0] | entry_vectors.lane[i][1];
  check_named(set == 0, "vector registers are 0 in a new program");
  check_named(entry_control == START_CONTROL, "floating-point control is as at reset in a new program");

  struct vectors mine, seen;
  for (int i = 0; i < REGISTERS; ++i) {
    mine.lane[i][0] = seed * 0x9e3779b97f4a7c15u + (uint64_t)i;
    mine.lane[i][1] = ~mine.lane[i][0];
  }
  own = seed;
  int vectors_kept = 1, control_kept = 1, pointer_kept = 1;
  uint64_t turns = 0;
  const int64_t end = now_ms() + milliseconds;
  while (now_ms() < end) {
    set_rounding(seed & 3);
    turn(&mine, &seen, 20000);
    control_kept &= rounding() == (seed & 3);
    set_rounding(0);
    vectors_kept &= memcmp(&mine, &seen, sizeof mine) == 0;
    pointer_kept &= own == seed;
    ++turns;
  }
  check(vectors_kept);
  check(control_kept);
  check(pointer_kept);
  check(turns > 0);
  return finished();
}
