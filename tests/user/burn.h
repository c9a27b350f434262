// SPDX-License-Identifier: Apache-2.0
// Executing for a while. Whoever spins has to relax now and then, else the CPU it waits for may never have
// its turn in a deterministic machine; but not all the time: an emulator leaves its loop at every pause,
// which costs it more than the rest.
#pragma once
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <time.h>

static inline void relax(void) {
#ifdef __x86_64__
  __asm__ volatile("pause");
#else
  __asm__ volatile("yield");
#endif
}

/// Some six microseconds; in a deterministic machine an instruction is a nanosecond whatever it does, and
/// costs the host nothing if that is nothing. Where instructions are no measure, the clock is.
static inline void burn(void) {
  struct timespec now, before;
  clock_gettime(CLOCK_MONOTONIC, &before);
  do {
    for (int i = 0; i < 12; ++i) __asm__ volatile(".rept 250\n nop\n .endr");
    clock_gettime(CLOCK_MONOTONIC, &now);
  } while ((now.tv_sec - before.tv_sec) * 1000000000 + now.tv_nsec - before.tv_nsec < 5000);
  relax();
}

/// As long in a deterministic machine, and all of it is the program's own code: nothing of the vDSO.
static inline void burn_here(void) {
  for (int i = 0; i < 400; ++i) __asm__ volatile(".rept 10\n nop\n .endr");
  relax();
}
