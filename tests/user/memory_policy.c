// SPDX-License-Identifier: Apache-2.0
// get_mempolicy where all memory is one node's.
#define _GNU_SOURCE
#include "tests/user/ktap.h"

#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { NODE = 1, ADDRESS = 2, ALLOWED = 4 };

static long get(int* mode, unsigned long* nodes, unsigned long bits, void* address, unsigned long flags) {
  return syscall(SYS_get_mempolicy, mode, nodes, bits, address, flags);
}

int main(void) {
  plan(11);
  static int here = 1;
  int mode = 7;
  unsigned long nodes[2] = {7, 7};
  check(get(&mode, nodes, 65, NULL, 0) == 0 && mode == 0 && nodes[0] == 0 && nodes[1] == 7);
  nodes[0] = nodes[1] = 7;
  check(get(NULL, nodes, 129, NULL, ALLOWED) == 0 && nodes[0] == 1 && nodes[1] == 0);
  mode = 7;
  check(get(&mode, NULL, 0, &here, NODE | ADDRESS) == 0 && mode == 0);
  check(get(NULL, NULL, 0, NULL, 0) == 0);
  check_errno(get(&mode, nodes, 0, NULL, 0), EINVAL);
  check_errno(get(&mode, NULL, 0, NULL, 8), EINVAL);
  check_errno(get(&mode, NULL, 0, NULL, ALLOWED | NODE), EINVAL);
  check_errno(get(&mode, NULL, 0, NULL, NODE), EINVAL);
  check_errno(get(&mode, NULL, 0, &here, 0), EINVAL);
  check_errno(get(&mode, NULL, 0, (void*)8, ADDRESS), EFAULT);
  check_errno(get((int*)8, NULL, 0, NULL, 0), EFAULT);
  return finished();
}
