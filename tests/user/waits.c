// SPDX-License-Identifier: Apache-2.0
// /proc/PID/schedstat: what a task ran, waited for a CPU and slept add up to the time that passed, beside
// another task on the same CPU and alone.
#define _GNU_SOURCE
#include "tests/user/burn.h"
#include "tests/user/ktap.h"

#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define TICK 4000000 // ns

static int64_t now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1000000000 + time.tv_nsec;
}

struct schedstat {
  unsigned long long ran, waited, slices;
};
static struct schedstat stat_of_self(void) {
  struct schedstat stat = {0, 0, 0};
  FILE* file = fopen("/proc/self/schedstat", "r");
  if (file != NULL) {
    if (fscanf(file, "%llu %llu %llu", &stat.ran, &stat.waited, &stat.slices) != 3) stat.slices = 0;
    fclose(file);
  }
  return stat;
}

/// 40 times 5 ms of work and 2 ms of sleep.
static void measure(int beside_another) {
  const struct timespec rest = {0, 2000000};
  const struct schedstat before = stat_of_self();
  const int64_t start = now();
  for (int i = 0; i < 40; ++i) {
    for (const int64_t end = now() + 5000000; now() < end;) burn();
    nanosleep(&rest, NULL);
  }
  const int64_t elapsed = now() - start;
  const struct schedstat after = stat_of_self();
  const int64_t ran = (int64_t)(after.ran - before.ran), waited = (int64_t)(after.waited - before.waited);
  const int64_t slept = 40 * 2000000;
  const int64_t missing = elapsed - ran - waited - slept;
  if (!ktap_is_quiet())
    printf("# ran %lld, waited %lld, slept %lld of %lld: %lld missing\n", (long long)ran, (long long)waited,
           (long long)slept, (long long)elapsed, (long long)missing);
  check(missing > -TICK && missing < TICK);
  check(beside_another ? waited > 20000000 : waited < TICK);
  check(after.slices >= before.slices + 40);
}

int main(void) {
  plan(7);
  prctl(PR_SET_TIMERSLACK, 1); // a sleep is as long as it says
  cpu_set_t cpu;
  CPU_ZERO(&cpu);
  CPU_SET(0, &cpu);
  check(sched_setaffinity(0, sizeof cpu, &cpu) == 0);
  measure(0);
  const pid_t other = fork();
  if (other == 0)
    for (;;) burn();
  measure(1);
  kill(other, SIGKILL);
  waitpid(other, NULL, 0);
  return finished();
}
