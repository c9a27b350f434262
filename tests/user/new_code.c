// SPDX-License-Identifier: Apache-2.0
// Code that a program writes is the code that runs, also where instruction and data caches differ; memory
// that is written is not executed.
#include "tests/user/ktap.h"

#include <stdint.h>
#include <sys/mman.h>

typedef int (*Function)(void);

/* "return value" for this machine; its size in bytes. */
static size_t put_return(void* at, uint16_t value) {
#ifdef __aarch64__
  const uint32_t code[] = {0x52800000u | (uint32_t)value << 5, 0xd65f03c0u}; // mov w0, #value; ret
#else
  const uint8_t code[] = {0xb8, (uint8_t)value, (uint8_t)(value >> 8), 0, 0, 0xc3}; // mov $value, %eax; ret
#endif
  memcpy(at, code, sizeof code);
  return sizeof code;
}

int main(void) {
  plan(4);
  char* page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (!check(page != MAP_FAILED)) return finished();
  int right = 0, changed = 0;
  for (uint16_t i = 1; i <= 100; ++i) {
    changed += mprotect(page, 4096, PROT_READ | PROT_WRITE) == 0;
    const size_t size = put_return(page, i);
    __builtin___clear_cache(page, page + size);
    changed += mprotect(page, 4096, PROT_READ | PROT_EXEC) == 0;
    right += ((Function)(void*)page)() == i;
  }
  check(changed == 200);
  check(right == 100);
  // New at the same address, without cache maintenance by the program: a fresh mapping owes nothing to the
  // old one.
  munmap(page, 4096);
  char* again = mmap(page, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
  put_return(again, 7);
  mprotect(again, 4096, PROT_READ | PROT_EXEC);
  check_named(((Function)(void*)again)() == 7, "a fresh mapping at the same address runs its own code");
  return finished();
}
