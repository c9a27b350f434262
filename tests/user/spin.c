// SPDX-License-Identifier: Apache-2.0
// Spins in user mode on one CPU as a SCHED_IDLE task, without a system call: spin CPU MILLISECONDS. For tests
// of what interrupts it.
#define _GNU_SOURCE
#include "tests/user/burn.h"

#include <sched.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>

#ifdef __x86_64__
static uint64_t ticks(void) { return __builtin_ia32_rdtsc(); }
#else
static uint64_t ticks(void) {
  uint64_t value;
  __asm__ volatile("mrs %0, cntvct_el0" : "=r"(value));
  return value;
}
#endif

static int64_t now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1000000000 + time.tv_nsec;
}

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  cpu_set_t cpu;
  CPU_ZERO(&cpu);
  CPU_SET(atoi(argv[1]), &cpu);
  const struct sched_param none = {.sched_priority = 0};
  if (sched_setaffinity(0, sizeof cpu, &cpu) != 0 || sched_setscheduler(0, SCHED_IDLE, &none) != 0) return 3;
  const int64_t begin = now();
  const uint64_t first = ticks();
  while (now() < begin + 2000000) burn();
  const uint64_t each = (ticks() - first) / 2; // a millisecond
  for (const uint64_t end = ticks() + each * strtoul(argv[2], NULL, 10); ticks() < end;) burn();
  return 0;
}
