// SPDX-License-Identifier: Apache-2.0
// What a program says about itself: name and switches of prctl, personality, user and group ids, membarrier.
// Starts as root; with the ids it gives up it loses root's rights.
#define _GNU_SOURCE
#include "tests/user/ktap.h"

#include <grp.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

static long control(int option, unsigned long a, unsigned long b) {
  return syscall(SYS_prctl, option, a, b, 0ul, 0ul);
}
static long barrier(unsigned command, unsigned flags) { return syscall(SYS_membarrier, command, flags, 0); }

static void controls(void) {
  char name[16];
  int value = -1;
  check(control(PR_GET_NAME, (unsigned long)name, 0) == 0 && strcmp(name, "identity") == 0);
  check(control(PR_SET_NAME, (unsigned long)"longer than fifteen", 0) == 0);
  check(control(PR_GET_NAME, (unsigned long)name, 0) == 0 && strcmp(name, "longer than fif") == 0);
  check_errno(control(PR_SET_NAME, 16, 0), EFAULT);
  check(control(PR_SET_PDEATHSIG, 15, 0) == 0);
  check(control(PR_GET_PDEATHSIG, (unsigned long)&value, 0) == 0 && value == 15);
  check_errno(control(PR_SET_PDEATHSIG, 65, 0), EINVAL);
  check(control(PR_GET_DUMPABLE, 0, 0) == 1);
  check(control(PR_SET_DUMPABLE, 0, 0) == 0 && control(PR_GET_DUMPABLE, 0, 0) == 0);
  check_errno(control(PR_SET_DUMPABLE, 2, 0), EINVAL);
  check(control(PR_GET_KEEPCAPS, 0, 0) == 0);
  check(control(PR_GET_NO_NEW_PRIVS, 0, 0) == 0);
  check_errno(control(PR_SET_NO_NEW_PRIVS, 0, 0), EINVAL);
  check_errno(control(PR_SET_NO_NEW_PRIVS, 1, 1), EINVAL);
  check(control(PR_SET_NO_NEW_PRIVS, 1, 0) == 0 && control(PR_GET_NO_NEW_PRIVS, 0, 0) == 1);
  check(control(PR_SET_CHILD_SUBREAPER, 7, 0) == 0);
  check(control(PR_GET_CHILD_SUBREAPER, (unsigned long)&value, 0) == 0 && value == 1);
  check(control(PR_SET_CHILD_SUBREAPER, 0, 0) == 0);
  check(control(PR_CAPBSET_READ, 40, 0) == 1);
  check_errno(control(PR_CAPBSET_READ, 64, 0), EINVAL);
  check(control(PR_GET_TIMERSLACK, 0, 0) == 50000);
  check_errno(control(12345, 0, 0), EINVAL);
  check(syscall(SYS_personality, 0xffffffffu) == 0);
  check(syscall(SYS_personality, 0x40000u) == 0 && syscall(SYS_personality, 0u) == 0x40000);
}

static void barriers(void) {
  const long query = barrier(0, 0);
  check(query > 0 && (query & 0x7f) == 0x7f && (query & 0x200) != 0);
  check_errno(barrier(0, 2), EINVAL);
  check(barrier(0x200, 0) == 0);
  check_errno(barrier(8, 0), EPERM);
  check_errno(barrier(0x20, 0), EPERM);
  check(barrier(0x10, 0) == 0 && barrier(8, 0) == 0);
  check_errno(barrier(0x20, 0), EPERM);
  check(barrier(0x40, 0) == 0 && barrier(0x20, 0) == 0);
  check(barrier(0x200, 0) == 0x50);
  check(barrier(1, 0) == 0);
  check(barrier(4, 0) == 0 && barrier(2, 0) == 0);
  check_errno(barrier(0x10000, 0), EINVAL);
}

static int ids_are(int group, unsigned real, unsigned effective, unsigned saved) {
  unsigned r = 77, e = 77, s = 77;
  const long result = syscall(group ? SYS_getresgid : SYS_getresuid, &r, &e, &s);
  return result == 0 && r == real && e == effective && s == saved;
}

static void ids(void) {
  const unsigned groups[] = {4, 5, 6};
  unsigned seen[8] = {0};
  check(syscall(SYS_setgroups, 3, groups) == 0);
  check(syscall(SYS_getgroups, 0, NULL) == 3);
  check(syscall(SYS_getgroups, 8, seen) == 3 && seen[0] == 4 && seen[2] == 6);
  check_errno(syscall(SYS_getgroups, 2, seen), EINVAL);
  check_errno(syscall(SYS_setgroups, 65537, groups), EINVAL);
  check_errno(syscall(SYS_setgroups, 3, (void*)16), EFAULT);
  check(ids_are(0, 0, 0, 0) && ids_are(1, 0, 0, 0));
  check(syscall(SYS_setresgid, 1, 2, 3) == 0 && ids_are(1, 1, 2, 3));
  check(syscall(SYS_setregid, -1, 1) == 0 && ids_are(1, 1, 1, 3));
  check(syscall(SYS_setgid, 9) == 0 && ids_are(1, 9, 9, 9));
  check(syscall(SYS_setfsgid, 8) == 9 && syscall(SYS_setfsgid, -1) == 8);
  check_errno(syscall(SYS_setuid, -1), EINVAL);
  check(control(PR_SET_DUMPABLE, 1, 0) == 0);
  check(syscall(SYS_setresuid, 100, 200, 300) == 0 && ids_are(0, 100, 200, 300));
  check_named(control(PR_GET_DUMPABLE, 0, 0) == 0, "nobody may look into it now");
  // No longer root.
  check_errno(syscall(SYS_setgroups, 0, NULL), EPERM);
  check_errno(syscall(SYS_setuid, 0), EPERM);
  check_errno(syscall(SYS_setuid, 200), EPERM); // real or saved only
  check(syscall(SYS_setuid, 300) == 0 && ids_are(0, 100, 300, 300));
  check(syscall(SYS_setreuid, -1, 100) == 0 && ids_are(0, 100, 100, 300));
  check_errno(syscall(SYS_setreuid, 300, -1), EPERM); // real or effective only
  check_errno(syscall(SYS_setresuid, -1, -1, 5), EPERM);
  check(syscall(SYS_setresuid, 300, 300, -1) == 0 && ids_are(0, 300, 300, 300));
  check(syscall(SYS_setfsuid, 5) == 300 && syscall(SYS_setfsuid, 300) == 300);
  check_errno(syscall(SYS_setgid, 0), EPERM);
  check_errno(setpriority(PRIO_PROCESS, 0, -1), EACCES);
  check(setpriority(PRIO_PROCESS, 0, 5) == 0);
}

int main(void) {
  plan(63);
  controls();
  barriers();
  ids();
  return finished();
}
