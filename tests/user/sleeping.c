// SPDX-License-Identifier: Apache-2.0
// Sleeps last as long as they should by each clock; what was used is told.
#define _GNU_SOURCE
#include "tests/user/ktap.h"

#include <stdint.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <sys/times.h>
#include <time.h>
#include <unistd.h>

static const int64_t ms = 1000000, second = 1000000000;

static int64_t shown(clockid_t clock) {
  struct timespec now = {0, 0};
  clock_gettime(clock, &now);
  return now.tv_sec * second + now.tv_nsec;
}
static struct timespec spec(int64_t ns) { return (struct timespec){ns / second, ns % second}; }
static long sleep_by(clockid_t clock, int flags, const void* time) {
  return syscall(SYS_clock_nanosleep, clock, flags, time, NULL);
}

static void sleeps(void) {
  struct timespec time = spec(3 * ms);
  int64_t before = shown(CLOCK_MONOTONIC);
  check(syscall(SYS_nanosleep, &time, NULL) == 0);
  check(shown(CLOCK_MONOTONIC) - before >= 3 * ms);
  const clockid_t clocks[] = {CLOCK_MONOTONIC, CLOCK_REALTIME, CLOCK_BOOTTIME, CLOCK_TAI};
  for (unsigned i = 0; i < sizeof clocks / sizeof clocks[0]; ++i) {
    before = shown(clocks[i]);
    check(sleep_by(clocks[i], 0, &time) == 0);
    check(shown(clocks[i]) - before >= 3 * ms);
    const int64_t until = shown(clocks[i]) + 3 * ms;
    const struct timespec at = spec(until);
    check(sleep_by(clocks[i], TIMER_ABSTIME, &at) == 0);
    check(shown(clocks[i]) >= until);
    const struct timespec past = spec(1);
    check(sleep_by(clocks[i], TIMER_ABSTIME, &past) == 0);
  }
  const struct timespec nothing = {0, 0}, negative = {-1, 0}, crooked = {0, 1000000000};
  check(syscall(SYS_nanosleep, &nothing, NULL) == 0);
  check_errno(syscall(SYS_nanosleep, &negative, NULL), EINVAL);
  check_errno(syscall(SYS_nanosleep, &crooked, NULL), EINVAL);
  check_errno(syscall(SYS_nanosleep, (void*)16, NULL), EFAULT);
  check_errno(sleep_by(99, 0, &nothing), EINVAL);
  check_errno(sleep_by(CLOCK_MONOTONIC_RAW, 0, &nothing), EOPNOTSUPP);
}

static void burn(int64_t ns) {
  const int64_t until = shown(CLOCK_PROCESS_CPUTIME_ID) + ns;
  while (shown(CLOCK_PROCESS_CPUTIME_ID) < until) {
  }
}

static void usage(void) {
  struct tms ticks = {0, 0, 0, 0};
  struct rusage used;
  struct sysinfo info;
  burn(50 * ms);
  // Within two ticks of 10 ms.
  const int64_t cpu = shown(CLOCK_PROCESS_CPUTIME_ID);
  check(syscall(SYS_times, &ticks) >= 0);
  const int64_t counted = (int64_t)(ticks.tms_utime + ticks.tms_stime) * 10 * ms;
  check(counted <= cpu + 20 * ms && counted + 20 * ms >= cpu);
  check(ticks.tms_cutime == 0 && ticks.tms_cstime == 0);
  check(getrusage(RUSAGE_SELF, &used) == 0);
  const int64_t told = (used.ru_utime.tv_sec + used.ru_stime.tv_sec) * second +
                       (used.ru_utime.tv_usec + used.ru_stime.tv_usec) * 1000;
  check(told + 1000 >= cpu && told <= shown(CLOCK_PROCESS_CPUTIME_ID));
  check(used.ru_nvcsw > 0); // it has slept
  check(getrusage(RUSAGE_THREAD, &used) == 0 && used.ru_nvcsw > 0);
  check(getrusage(RUSAGE_CHILDREN, &used) == 0 && used.ru_utime.tv_sec == 0);
  check_errno(syscall(SYS_getrusage, 2, &used), EINVAL);
  check_errno(syscall(SYS_getrusage, RUSAGE_SELF, (void*)16), EFAULT);
  check(sysinfo(&info) == 0 && info.mem_unit == 1 && info.totalram > info.freeram && info.freeram > 0);
  check(info.procs > 0 && info.uptime <= shown(CLOCK_BOOTTIME) / second + 1);
  check_errno(syscall(SYS_sysinfo, (void*)16), EFAULT);
}

int main(void) {
  plan(41);
  sleeps();
  usage();
  return finished();
}
