// SPDX-License-Identifier: Apache-2.0
// Timers of a process, as far as they can be seen without signals: their numbers, what is left of them,
// errors.
#define _GNU_SOURCE
#include "tests/user/ktap.h"

#include <signal.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static const int64_t ms = 1000000, second = 1000000000;

static struct itimerspec times(int64_t value, int64_t interval) {
  return (struct itimerspec){{interval / second, interval % second}, {value / second, value % second}};
}
static int64_t ns(struct timespec t) { return t.tv_sec * second + t.tv_nsec; }
static long create(int clock, void* event, int* id) { return syscall(SYS_timer_create, clock, event, id); }
static long set(int id, int flags, const void* wanted, void* old) {
  return syscall(SYS_timer_settime, id, flags, wanted, old);
}
static long get(int id, void* to) { return syscall(SYS_timer_gettime, id, to); }
static int64_t left(int id) {
  struct itimerspec now;
  return get(id, &now) == 0 ? ns(now.it_value) : -1;
}
static void sleep_ns(int64_t length) {
  const struct timespec t = {length / second, length % second};
  syscall(SYS_nanosleep, &t, NULL);
}

static void errors(void) {
  struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = 65};
  int id = -1;
  check_errno(create(-1, NULL, &id), EINVAL);
  check_errno(create(99, NULL, &id), EINVAL);
  check_errno(create(CLOCK_MONOTONIC_RAW, NULL, &id), EOPNOTSUPP);
  check_errno(create(CLOCK_MONOTONIC, (void*)16, &id), EFAULT);
  check_errno(create(CLOCK_MONOTONIC, NULL, (int*)16), EFAULT);
  check_errno(create(CLOCK_MONOTONIC, &event, &id), EINVAL);
  event.sigev_signo = 0;
  check_errno(create(CLOCK_MONOTONIC, &event, &id), EINVAL);
  event = (struct sigevent){.sigev_notify = 17, .sigev_signo = SIGUSR1};
  check_errno(create(CLOCK_MONOTONIC, &event, &id), EINVAL);
  event = (struct sigevent){.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGUSR1};
  event._sigev_un._tid = 1 << 29;
  check_errno(create(CLOCK_MONOTONIC, &event, &id), EINVAL);
  check_errno(get(4711, &event), EINVAL);
  check_errno(set(4711, 0, NULL, NULL), EINVAL);
  check_errno(syscall(SYS_timer_getoverrun, 4711), EINVAL);
  check_errno(syscall(SYS_timer_delete, 4711), EINVAL);
}

static void silent(void) {
  struct sigevent event = {.sigev_notify = SIGEV_NONE};
  struct itimerspec old, wanted = times(10 * second, 0);
  int id = -1, other = -1;
  check(create(CLOCK_MONOTONIC, &event, &id) == 0 && create(CLOCK_REALTIME, &event, &other) == 0 &&
        id != other);
  check(left(id) == 0);
  check(set(id, 0, &wanted, &old) == 0 && ns(old.it_value) == 0);
  check(left(id) > 9 * second && left(id) <= 10 * second);
  wanted = times(0, 0);
  check(set(id, 0, &wanted, &old) == 0 && ns(old.it_value) > 9 * second);
  check(left(id) == 0);
  wanted = times(3 * ms, 0);
  check(set(id, 0, &wanted, NULL) == 0);
  sleep_ns(4 * ms);
  check_named(left(id) == 0, "it is over");
  wanted = times(3 * ms, 40 * ms);
  check(set(id, 0, &wanted, NULL) == 0);
  sleep_ns(4 * ms);
  check_named(left(id) > 0 && left(id) <= 39 * ms, "the next interval has begun");
  check(get(id, &old) == 0 && ns(old.it_interval) == 40 * ms);
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  wanted = times(ns(now) + 5 * second, 0);
  check(set(other, TIMER_ABSTIME, &wanted, NULL) == 0);
  check(left(other) > 4 * second && left(other) <= 5 * second);
  wanted.it_value.tv_nsec = 1000000000;
  check_errno(set(other, 0, &wanted, NULL), EINVAL);
  check_errno(set(other, 0, (void*)16, NULL), EFAULT);
  check(syscall(SYS_timer_delete, id) == 0);
  check_errno(get(id, &old), EINVAL);
  check(left(other) > 0);
  check(syscall(SYS_timer_getoverrun, other) == 0);
}

static void intervals(void) {
  struct itimerval old, wanted = {{0, 0}, {100, 600000}};
  check_errno(syscall(SYS_setitimer, 3, &wanted, &old), EINVAL);
  check_errno(syscall(SYS_getitimer, -1, &old), EINVAL);
  check(setitimer(ITIMER_REAL, &wanted, NULL) == 0);
  check(getitimer(ITIMER_REAL, &old) == 0 && old.it_value.tv_sec == 100 && old.it_interval.tv_sec == 0);
  check_named(alarm(50) == 101, "what was left, rounded");
  check(alarm(0) == 50);
  check(alarm(0) == 0);
  wanted.it_value.tv_usec = 1000000;
  check_errno(syscall(SYS_setitimer, ITIMER_REAL, &wanted, NULL), EINVAL);
  check_errno(syscall(SYS_setitimer, ITIMER_REAL, (void*)16, NULL), EFAULT);
  // Those that are still armed at the end go with the process.
  alarm(100);
}

int main(void) {
  plan(41);
  errors();
  silent();
  intervals();
  return finished();
}
