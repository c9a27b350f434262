// SPDX-License-Identifier: Apache-2.0
// Scheduling calls about the caller: policies, attributes, nice values, affinity; sizes and errors as
// Linux has them.
#define _GNU_SOURCE
#include "tests/user/ktap.h"

#include <sched.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

struct attr {
  uint32_t size, policy;
  uint64_t flags;
  int32_t nice;
  uint32_t priority;
  uint64_t runtime, deadline, period;
  uint32_t util_min, util_max;
};
struct long_attr {
  struct attr attr;
  uint64_t tail[2];
};

static long set_attr(long pid, void* attr, unsigned flags) {
  return syscall(SYS_sched_setattr, pid, attr, flags);
}
static long get_attr(long pid, void* attr, unsigned size, unsigned flags) {
  return syscall(SYS_sched_getattr, pid, attr, size, flags);
}
static long set_affinity(long pid, size_t size, const void* mask) {
  return syscall(SYS_sched_setaffinity, pid, size, mask);
}
static long get_affinity(long pid, size_t size, void* mask) {
  return syscall(SYS_sched_getaffinity, pid, size, mask);
}
static uint64_t now_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void policies(void) {
  struct sched_param param = {.sched_priority = 10};
  struct sched_param none = {.sched_priority = 0};
  check(syscall(SYS_sched_getscheduler, 0) == SCHED_OTHER);
  check(syscall(SYS_sched_setscheduler, 0, SCHED_FIFO, &param) == 0);
  check(syscall(SYS_sched_getscheduler, getpid()) == SCHED_FIFO);
  param.sched_priority = 7;
  check(syscall(SYS_sched_setparam, 0, &param) == 0);
  param.sched_priority = 0;
  check(syscall(SYS_sched_getparam, 0, &param) == 0 && param.sched_priority == 7);
  check_errno(syscall(SYS_sched_setparam, 0, &none), EINVAL);
  struct timespec slice = {9, 9};
  check(syscall(SYS_sched_rr_get_interval, 0, &slice) == 0 && slice.tv_sec == 0 && slice.tv_nsec == 0);
  check(syscall(SYS_sched_setscheduler, 0, SCHED_RR | SCHED_RESET_ON_FORK, &param) == 0);
  check(syscall(SYS_sched_getscheduler, 0) == (SCHED_RR | SCHED_RESET_ON_FORK));
  check(syscall(SYS_sched_rr_get_interval, 0, &slice) == 0 && slice.tv_sec == 0 && slice.tv_nsec > 0);
  check(syscall(SYS_sched_setscheduler, 0, SCHED_OTHER, &none) == 0);
  check_errno(syscall(SYS_sched_setscheduler, 0, -1, &none), EINVAL);
  check_errno(syscall(SYS_sched_setscheduler, 0, 6, &none), EINVAL);
  check_errno(syscall(SYS_sched_setscheduler, 0, SCHED_FIFO, NULL), EINVAL);
  check_errno(syscall(SYS_sched_setscheduler, 0, SCHED_FIFO, (void*)16), EFAULT);
  check_errno(syscall(SYS_sched_setscheduler, -1, SCHED_FIFO, &param), EINVAL);
  check_errno(syscall(SYS_sched_getscheduler, -1), EINVAL);
  check_errno(syscall(SYS_sched_getscheduler, 0x7fffffff), ESRCH);
  check(syscall(SYS_sched_get_priority_max, SCHED_FIFO) == 99);
  check(syscall(SYS_sched_get_priority_min, SCHED_RR) == 1);
  check(syscall(SYS_sched_get_priority_max, SCHED_OTHER) == 0);
  check_errno(syscall(SYS_sched_get_priority_max, 4), EINVAL);
}

static void attributes(void) {
  struct attr attr = {.size = sizeof attr, .nice = 5};
  struct long_attr longer;
  check(set_attr(0, &attr, 0) == 0);
  memset(&attr, 0xff, sizeof attr);
  check(get_attr(0, &attr, sizeof attr, 0) == 0);
  check(attr.size == 56 && attr.policy == SCHED_OTHER && attr.nice == 5 && attr.priority == 0);
  check_named(attr.runtime > 0, "a fair thread tells its slice as its runtime");
  memset(&attr, 0xff, sizeof attr);
  check(get_attr(0, &attr, 48, 0) == 0 && attr.size == 48 && attr.util_min == 0xffffffff);
  memset(&longer, 0xff, sizeof longer);
  check(get_attr(0, &longer, sizeof longer, 0) == 0);
  check(longer.attr.size == 56 && longer.tail[0] == 0 && longer.tail[1] == 0);
  check_errno(get_attr(0, &attr, 47, 0), EINVAL);
  check_errno(get_attr(0, &attr, 4097, 0), EINVAL);
  check_errno(get_attr(0, NULL, 56, 0), EINVAL);
  check_errno(get_attr(-1, &attr, 56, 0), EINVAL);
  check_errno(get_attr(0x7fffffff, &attr, 56, 2), ESRCH);
  check_errno(get_attr(0, &attr, 56, 1), EINVAL); // of a deadline task only
  check_errno(get_attr(0, (void*)16, 56, 0), EFAULT);

  check_errno(set_attr(0, NULL, 0), EINVAL);
  check_errno(set_attr(0, &attr, 1), EINVAL);
  check_errno(set_attr(0, (void*)16, 0), EFAULT);
  memset(&longer, 0, sizeof longer);
  longer.attr.size = sizeof longer;
  check(set_attr(0, &longer, 0) == 0);
  longer.tail[1] = 1;
  check_errno(set_attr(0, &longer, 0), E2BIG);
  check_named(longer.attr.size == 56, "the size that is understood is told");
  memset(&attr, 0, sizeof attr);
  attr.size = 47;
  check_errno(set_attr(0, &attr, 0), E2BIG);
  attr = (struct attr){.size = 48, .flags = 0x20};
  check_errno(set_attr(0, &attr, 0), EINVAL);
  attr = (struct attr){.size = 56, .flags = 0x20};
  check_errno(set_attr(0, &attr, 0), EOPNOTSUPP);
  attr = (struct attr){.size = 56, .policy = 0x80000000};
  check_errno(set_attr(0, &attr, 0), EINVAL);
  attr = (struct attr){.size = 56, .flags = 0x10000000};
  check_errno(set_attr(0, &attr, 0), EINVAL);
  attr = (struct attr){.size = 56, .nice = -100};
  check(set_attr(0, &attr, 0) == 0 && getpriority(PRIO_PROCESS, 0) == -20);
  attr = (struct attr){.size = 0, .nice = 0};
  check_named(set_attr(0, &attr, 0) == 0, "size 0 is read as the first version's");
}

static void deadline(void) {
  const uint64_t ms = 1000000;
  struct attr attr = {
      .size = sizeof attr, .policy = 6, .runtime = 5 * ms, .deadline = 40 * ms, .period = 50 * ms};
  check(set_attr(0, &attr, 0) == 0);
  check(syscall(SYS_sched_getscheduler, 0) == 6);
  memset(&attr, 0, sizeof attr);
  check(get_attr(0, &attr, sizeof attr, 0) == 0);
  check(attr.runtime == 5 * ms && attr.deadline == 40 * ms && attr.period == 50 * ms);
  check_errno(get_attr(0, &attr, sizeof attr, 2), EINVAL);

  struct timespec until = {0, 0};
  const uint64_t next = now_ns() + 60 * ms;
  until.tv_sec = (time_t)(next / 1000000000u);
  until.tv_nsec = (long)(next % 1000000000u);
  clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL); // a new period begins with the wake-up
  struct attr first, second;
  const uint64_t before = now_ns();
  check(get_attr(0, &first, sizeof first, 1) == 0);
  check((int64_t)first.runtime > 0 && first.runtime <= 5 * ms);
  check(first.deadline > before && first.deadline <= before + 40 * ms);
  check_named(first.period == 50 * ms, "period and flags stay as they were set");
  const uint64_t burn_until = now_ns() + 1 * ms;
  while (now_ns() < burn_until) {
  }
  check(get_attr(0, &second, sizeof second, 1) == 0);
  const uint64_t interrupts = ms / 10; // their time is not the thread's
  check_named(second.runtime + 1 * ms - interrupts <= first.runtime, "what was used is missing");
  check_named(second.deadline - first.deadline + 1000 <= 2000, "the deadline is where it was");
  attr = (struct attr){.size = sizeof attr, .policy = 6, .runtime = 5 * ms, .deadline = 4 * ms};
  check_errno(set_attr(0, &attr, 0), EINVAL);
  attr = (struct attr){.size = sizeof attr};
  check(set_attr(0, &attr, 0) == 0);
}

static void nice_values(void) {
  check(setpriority(PRIO_PROCESS, 0, 3) == 0);
  check(syscall(SYS_getpriority, PRIO_PROCESS, 0) == 17);
  check(setpriority(PRIO_PROCESS, 0, 100) == 0 && getpriority(PRIO_PROCESS, 0) == 19);
  check(setpriority(PRIO_PROCESS, getpid(), 0) == 0);
  check_errno(syscall(SYS_getpriority, 3, 0), EINVAL);
  check_errno(syscall(SYS_setpriority, -1, 0, 0), EINVAL);
  check_errno(syscall(SYS_getpriority, PRIO_PROCESS, 0x7fffffff), ESRCH);
  check_errno(syscall(SYS_setpriority, PRIO_PROCESS, 0x7fffffff, 1), ESRCH);
}

static void affinity(void) {
  unsigned long all[16] = {0}, one[16] = {0}, none[16] = {0}, seen[16] = {0};
  const long size = get_affinity(0, sizeof all, all);
  check(size >= 8 && size % 8 == 0 && (all[0] & 1) != 0);
  check_errno(get_affinity(0, 7, seen), EINVAL);
  check_errno(get_affinity(0, 0, seen), EINVAL);
  check_errno(get_affinity(0, 12, seen), EINVAL);
  check_errno(get_affinity(0x7fffffff, 128, seen), ESRCH);
  check_errno(get_affinity(0, 128, (void*)16), EFAULT);
  int worked = 1;
  for (unsigned cpu = 0; cpu < 64; ++cpu) {
    if ((all[0] >> cpu & 1) == 0) continue;
    unsigned here = ~0u;
    one[0] = 1ul << cpu;
    worked &= set_affinity(0, 8, one) == 0 && get_affinity(getpid(), 128, seen) > 0 && seen[0] == one[0];
    worked &= syscall(SYS_getcpu, &here, NULL, NULL) == 0 && here == cpu;
  }
  check_named(worked, "it runs where it is told to");
  check_errno(set_affinity(0, 128, none), EINVAL);
  check_errno(set_affinity(0, 0, all), EINVAL);
  check_errno(set_affinity(0, 128, (void*)16), EFAULT);
  check_errno(set_affinity(0x7fffffff, 128, all), ESRCH);
  one[0] = 1;
  check_named(set_affinity(0, 1, one) == 0, "a short mask is extended with zeros");
  check(set_affinity(0, 128, all) == 0);
}

int main(void) {
  plan(84);
  policies();
  attributes();
  deadline();
  nice_values();
  affinity();
  return finished();
}
