// SPDX-License-Identifier: Apache-2.0
// Ends by the signal its first argument names, by doing what the CPU forbids.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(int argc, char** argv) {
  const char* how = argc > 1 ? argv[1] : "";
  printf("about to crash: %s", how); // no line end: it must come out all the same
  fflush(stdout);
  if (strcmp(how, "segv") == 0) *(volatile int*)8 = 1;
  if (strcmp(how, "kernel") == 0) *(volatile int*)0xffff800000000000ul = 1;
  if (strcmp(how, "text") == 0) *(volatile int*)(void*)&main = 1;
  if (strcmp(how, "execute") == 0) {
    static int data[4];
    ((void (*)(void))(void*)data)();
  }
#ifdef __aarch64__
  if (strcmp(how, "ill") == 0) __asm__ volatile("udf #0");
  if (strcmp(how, "system") == 0) __asm__ volatile("msr ttbr0_el1, xzr");
  if (strcmp(how, "trap") == 0) __asm__ volatile("brk #1");
  if (strcmp(how, "align") == 0) __asm__ volatile("adr x9, .\n\tadd x9, x9, #2\n\tbr x9" ::: "x9");
#else
  if (strcmp(how, "ill") == 0) __asm__ volatile("ud2");
  if (strcmp(how, "system") == 0) __asm__ volatile("hlt");
  if (strcmp(how, "trap") == 0) __asm__ volatile("int3");
#endif
  printf("\nstill here\n");
  return 1;
}
