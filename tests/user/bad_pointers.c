// SPDX-License-Identifier: Apache-2.0
// System calls with addresses that are not the program's give EFAULT and hurt nobody; those that lie at an
// edge of its memory work as far as the edge.
#include "tests/user/ktap.h"

#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

#ifdef __aarch64__
#define USER_END 0x1000000000000ul
#else
#define USER_END 0x7ffffffff000ul
#endif

int main(void) {
  plan(11);
  char* pages = mmap(NULL, 3 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (!check(pages != MAP_FAILED)) return finished();
  munmap(pages + 2 * 4096, 4096);
  memset(pages, '#', 2 * 4096);
  check_errno(write(1, NULL, 8), EFAULT);
  check_errno(write(1, (void*)0xffff800000000000ul, 8), EFAULT);
  check_errno(write(1, (void*)USER_END, 8), EFAULT);
  check_errno(write(1, (void*)(USER_END - 4), 8), EFAULT);
  check_errno(write(1, (void*)~0ul, 8), EFAULT);
  check_errno(readlink((const char*)16, pages, 64), EFAULT);
  check_errno(readlink("/proc/self/exe", (char*)0xffffffff80000000ul, 64), EFAULT);
  // A string that ends with the mapping's last byte is whole.
  strcpy(pages + 2 * 4096 - 6, "/none");
  check_errno(readlink(pages + 2 * 4096 - 6, pages, 64), ENOENT);
  // One that has no end there is not.
  check_errno(readlink(pages + 2 * 4096 - 3, (memset(pages + 4096, 'x', 4096), pages), 64), EFAULT);
  // The kernel reads a page nobody has touched yet.
  char* fresh = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  check_named(fresh != MAP_FAILED && write(1, fresh, 0) == 0, "nothing is written from untouched memory");
  return finished();
}
