// SPDX-License-Identifier: Apache-2.0
// A program that never ends: `spin` stays on its CPU, anything else waits for good.
#include <string.h>
#include <unistd.h>

int main(int argc, char** argv) {
  if (argc == 2 && strcmp(argv[1], "spin") == 0) {
    // A hint to the emulator hands its thread to another CPU, which costs more than many turns of this loop.
    for (;;) {
      for (volatile int i = 0; i < 100000; ++i) {
      }
#ifdef __x86_64__
      __builtin_ia32_pause();
#else
      __asm__ volatile("yield");
#endif
    }
  }
  for (;;) sleep(1000);
}
