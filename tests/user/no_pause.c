// SPDX-License-Identifier: Apache-2.0
// A thread that spins without a pause on one CPU waits for one that computes for long on another: also where
// the CPUs take turns it has its own.
#define _GNU_SOURCE
#include "tests/user/ktap.h"

#include <pthread.h>
#include <sched.h>
#include <unistd.h>

static volatile int started, done;

static void run_on(int cpu) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(cpu, &set);
  sched_setaffinity(0, sizeof set, &set);
}
/* For a quarter of a microsecond of a deterministic machine, at the least cost to the host. */
static void nothing(void) { __asm__ volatile(".rept 250\n nop\n .endr"); }
static void* spin(void* cpu) {
  run_on(*(const int*)cpu);
  started = 1;
  while (!done) nothing();
  return NULL;
}
static void compute(void) {
  for (int i = 0; i < 240000; ++i) nothing();
}
static int spins_and_computes(int spinner, int worker) {
  pthread_t thread;
  started = done = 0;
  run_on(worker);
  if (pthread_create(&thread, NULL, spin, &spinner) != 0) return 0;
  while (!started) sched_yield();
  compute();
  done = 1;
  return pthread_join(thread, NULL) == 0;
}

int main(void) {
  const int last = (int)sysconf(_SC_NPROCESSORS_CONF) - 1;
  plan(2);
  check_named(spins_and_computes(0, last), "the last CPU computes");
  check_named(spins_and_computes(last, 0), "the first CPU computes");
  return finished();
}
