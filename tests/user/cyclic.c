// SPDX-License-Identifier: Apache-2.0
// What cyclictest and cyclicdeadline measure: how late threads with a period start, on CPUs that are busy
// with ordinary threads. In exact time it is a few microseconds on one CPU; on a machine of eight, which take
// turns of up to some hundred microseconds together, less than an eighth of a tick. A deadline thread may
// have to wait for an earlier deadline; a tick is its bound.
#define _GNU_SOURCE
#include "tests/user/burn.h"
#include "tests/user/ktap.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { kThreads = 4, kRounds = 20 };
#define TICK 4000000 // ns

static atomic_int over;
static atomic_int failed; // calls

struct periodic {
  pthread_t thread;
  int number;
  uint64_t period;     // ns
  uint64_t latest;     // wake-up, ns after it was due
  uint64_t latest_end; // of the job, ns after it was due
};

static uint64_t now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

static void sleep_until(uint64_t when) {
  const struct timespec time = {(time_t)(when / 1000000000u), (long)(when % 1000000000u)};
  if (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &time, NULL) != 0) ++failed;
}

static void work(uint64_t ns) {
  const uint64_t end = now() + ns;
  while (now() < end) burn();
}

static void rounds(struct periodic* self, uint64_t demand) {
  uint64_t due = now();
  for (int i = 0; i < kRounds; ++i) {
    due += self->period;
    sleep_until(due);
    const uint64_t late = now() - due;
    if (late > self->latest) self->latest = late;
    work(demand);
    const uint64_t end = now() - due;
    if (end > self->latest_end) self->latest_end = end;
  }
}

static void* fifo(void* arg) {
  struct periodic* self = arg;
  const struct sched_param param = {.sched_priority = 90};
  cpu_set_t cpu;
  CPU_ZERO(&cpu);
  CPU_SET(self->number % (int)sysconf(_SC_NPROCESSORS_ONLN), &cpu);
  if (sched_setaffinity(0, sizeof cpu, &cpu) != 0 || sched_setscheduler(0, SCHED_FIFO, &param) != 0) ++failed;
  rounds(self, 20000);
  return NULL;
}

/// A tenth of a CPU, half of its runtime to spare: on a deterministic machine of eight CPUs, which take
/// turns, a thread is charged for the others' turns too.
static void* deadline(void* arg) {
  struct periodic* self = arg;
  const struct {
    uint32_t size, policy;
    uint64_t flags;
    int32_t nice;
    uint32_t priority;
    uint64_t runtime, deadline, period;
  } attr = {.size = sizeof attr,
            .policy = 6, // SCHED_DEADLINE
            .runtime = self->period / 10,
            .deadline = self->period,
            .period = self->period};
  if (syscall(SYS_sched_setattr, 0, &attr, 0) != 0) ++failed;
  rounds(self, self->period / 20);
  return NULL;
}

static void* hog(void* arg) {
  (void)arg;
  while (!over) burn();
  return NULL;
}

int main(void) {
  plan(3 * kThreads + 2);
  pthread_t hogs[2 * kThreads];
  for (int i = 0; i < 2 * kThreads; ++i)
    if (pthread_create(&hogs[i], NULL, hog, NULL) != 0) ++failed;

  struct periodic threads[kThreads];
  for (int round = 0; round < 2; ++round) {
    for (int i = 0; i < kThreads; ++i) {
      threads[i] = (struct periodic){.number = i, .period = 10000000u + (uint64_t)i * 500000u};
      if (pthread_create(&threads[i].thread, NULL, round == 0 ? fifo : deadline, &threads[i]) != 0) ++failed;
    }
    for (int i = 0; i < kThreads; ++i) pthread_join(threads[i].thread, NULL);
    for (int i = 0; i < kThreads; ++i) {
      if (!ktap_is_quiet())
        printf("# %s %d: at most %u ns late, done after %u ns\n", round == 0 ? "FIFO 90" : "deadline", i,
               (unsigned)threads[i].latest, (unsigned)threads[i].latest_end);
      check(threads[i].latest < (round == 0 ? TICK / 8 : TICK));
      if (round == 1) check(threads[i].latest_end <= threads[i].period); // no miss
    }
    check(failed == 0);
  }
  over = 1;
  for (int i = 0; i < 2 * kThreads; ++i) pthread_join(hogs[i], NULL);
  return finished();
}
