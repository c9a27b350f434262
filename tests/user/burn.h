// SPDX-License-Identifier: Apache-2.0
// Executing for a while. Whoever spins has to relax now and then, else the CPU it waits for may never have
// its turn in a deterministic machine; but not all the time: an emulator leaves its loop at every pause,
// which costs it more than the rest.
#pragma once

static inline void relax(void) {
#ifdef __x86_64__
  __asm__ volatile("pause");
#else
  __asm__ volatile("yield");
#endif
}

/// A few microseconds.
static inline void burn(void) {
  for (int i = 0; i < 2000; ++i) __asm__ volatile("");
  relax();
}
