// SPDX-License-Identifier: Apache-2.0
// KTAP from user mode, for C and C++:
//   int main(void) { plan(2); check(a == b); check_errno(close(-1), EBADF); return finished(); }
// A check that fails prints its text and place; finished() gives the exit status. With KTAP_QUIET in the
// environment only failures are printed, as comments: on-target tests print KTAP of their own.
#pragma once

#ifdef __cplusplus
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#else
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#endif

static int ktap_planned, ktap_number, ktap_failed;

static inline int ktap_is_quiet(void) { return getenv("KTAP_QUIET") != NULL; }

static inline void plan(int count) {
  ktap_planned = count;
  if (!ktap_is_quiet()) printf("KTAP version 1\n1..%d\n", count);
}

static inline int ktap_result(int ok, const char* what, const char* file, int line) {
  ++ktap_number;
  if (!ok) {
    ++ktap_failed;
    printf("# FAILED %s at %s:%d, errno %d (%s)\n", what, file, line, errno, strerror(errno));
  }
  if (!ktap_is_quiet()) printf("%s %d %s\n", ok ? "ok" : "not ok", ktap_number, what);
  fflush(stdout);
  return ok;
}

#define check(condition) ktap_result(!!(condition), #condition, __FILE__, __LINE__)
#define check_named(condition, name) ktap_result(!!(condition), name, __FILE__, __LINE__)
/* The call gives -1 and this errno. */
#define check_errno(call, error)                                                                             \
  ktap_result((errno = 0, (call) == -1 && errno == (error)), #call " gives " #error, __FILE__, __LINE__)

static inline int finished(void) {
  if (ktap_number != ktap_planned) {
    ++ktap_failed;
    printf("# FAILED %d of %d planned checks were made\n", ktap_number, ktap_planned);
  }
  fflush(stdout);
  return ktap_failed == 0 ? 0 : 1;
}
