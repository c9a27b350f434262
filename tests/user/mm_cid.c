// SPDX-License-Identifier: Apache-2.0
// Concurrency ids as programs see them: distinct, small, kept while there are few threads, right across fork,
// vfork and exec, and while threads come and go around the number at which the CPUs take them over.
// Properties D3, D5, D13 to D17, D23, D24, D26 to D28 of rseq_mm_cid; debug images check the rest at each
// switch.
#include "tests/user/rseq.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/wait.h>

enum { kMost = 64 };
static unsigned cpus;
static atomic_int stop, wrong, arrived;
static pthread_barrier_t meeting;

static void relax(void) {
#if defined(__x86_64__)
  __asm__ volatile("pause");
#else
  __asm__ volatile("yield");
#endif
}
static unsigned cid(void) { return libc_area()->mm_cid; }
static void check_cid(void) {
  if (cid() >= cpus) ++wrong;
}
static unsigned next_random(unsigned* seed) { return (*seed = *seed * 1664525 + 1013904223) >> 16; }
static void widen(void) {
  cpu_set_t all;
  CPU_ZERO(&all);
  for (unsigned c = 0; c < cpus; ++c) CPU_SET(c, &all);
  sched_setaffinity(0, sizeof all, &all);
}

/* As many threads as CPUs: each keeps its own number wherever it goes. */
static unsigned kept[kMost];
static void* keep(void* argument) {
  const unsigned i = (unsigned)(uintptr_t)argument;
  unsigned seed = i + 1;
  pthread_barrier_wait(&meeting);
  kept[i] = cid();
  for (int n = 0; n < 20; ++n) {
    run_on(next_random(&seed) % cpus);
    if (cid() != kept[i]) ++wrong;
    sched_yield();
  }
  pthread_barrier_wait(&meeting);
  return NULL;
}
static void few_threads(void) {
  pthread_t threads[kMost];
  pthread_barrier_init(&meeting, NULL, cpus);
  for (unsigned i = 1; i < cpus; ++i) pthread_create(&threads[i], NULL, keep, (void*)(uintptr_t)i);
  keep((void*)0);
  for (unsigned i = 1; i < cpus; ++i) pthread_join(threads[i], NULL);
  check_named(wrong == 0, "with as many threads as CPUs each keeps its number");
  unsigned seen = 0, twice = 0;
  for (unsigned i = 0; i < cpus; ++i) {
    twice |= seen & 1u << kept[i];
    seen |= 1u << kept[i];
  }
  check_named(twice == 0 && seen == (cpus == 32 ? ~0u : (1u << cpus) - 1), "no two have the same one");
  widen();
}

/* More threads than CPUs, then one again. */
static void* be_many(void* unused) {
  (void)unused;
  ++arrived;
  while (!stop) {
    check_cid();
    sched_yield();
  }
  return NULL;
}
static unsigned start_many(pthread_t* threads, unsigned count) {
  stop = arrived = 0;
  for (unsigned i = 0; i < count; ++i) pthread_create(&threads[i], NULL, be_many, NULL);
  while (arrived < (int)count) sched_yield();
  return count;
}
static void end_many(pthread_t* threads, unsigned count) {
  stop = 1;
  for (unsigned i = 0; i < count; ++i) pthread_join(threads[i], NULL);
}
static int fork_has_number_0(void) {
  const pid_t pid = fork();
  int status = -1;
  if (pid == 0) _exit(cid() == 0 ? 0 : 1);
  waitpid(pid, &status, 0);
  return status == 0;
}
static int failed_exec_keeps(void) {
  char* const argv[] = {(char*)"none", NULL};
  run_on(cpus - 1);
  const unsigned before = cid();
  const int failed = execv("/none", argv) == -1 && execv("/proc/self/status", argv) == -1;
  const int same = cid() == before && before < cpus;
  widen();
  return failed && same;
}
static void many_threads(void) {
  pthread_t threads[kMost];
  const unsigned count = start_many(threads, 3 * cpus);
  for (int i = 0; i < 50; ++i) {
    check_cid();
    usleep(200);
  }
  check_named(wrong == 0, "no number is as large as the number of CPUs");
  check_named(fork_has_number_0(), "a fork's only thread has number 0");
  check(failed_exec_keeps());
  end_many(threads, count);
  for (int i = 0; i < 100 && cid() >= (cpus > 3 ? 1 : cpus); ++i) usleep(100); // at its next switch
  check_named(cid() < (cpus > 3 ? 1 : cpus), "who is left alone has a low number");
  check(failed_exec_keeps());
  for (int i = 0; i < 3; ++i) end_many(threads, start_many(threads, 2));
  check_named(wrong == 0, "threads can be made after an exec that failed");
}

/* Threads come and go on several CPUs at once around the number where the owner changes. */
static void* short_life(void* argument) {
  unsigned seed = (unsigned)(uintptr_t)argument;
  check_cid();
  if (next_random(&seed) % 4 == 0) run_on(next_random(&seed) % cpus);
  if (next_random(&seed) % 3 == 0) sched_yield();
  check_cid();
  return NULL;
}
static void* make_threads(void* argument) {
  unsigned seed = (unsigned)(uintptr_t)argument;
  for (int round = 0; round < 60; ++round) {
    pthread_t threads[8];
    unsigned made = 0;
    const unsigned wanted = 1 + next_random(&seed) % (cpus < 8 ? cpus : 8);
    while (made < wanted &&
           pthread_create(&threads[made], NULL, short_life, (void*)(uintptr_t)next_random(&seed)) == 0)
      ++made;
    if (next_random(&seed) % 8 == 0 && vfork() == 0) _exit(0);
    for (unsigned i = 0; i < made; ++i) pthread_join(threads[i], NULL);
    check_cid();
  }
  while (waitpid(-1, NULL, WNOHANG) > 0) relax();
  return NULL;
}
static void storm(void) {
  pthread_t makers[3];
  for (unsigned i = 0; i < 3; ++i) pthread_create(&makers[i], NULL, make_threads, (void*)(uintptr_t)(i + 7));
  for (unsigned i = 0; i < 3; ++i) pthread_join(makers[i], NULL);
  check_named(wrong == 0, "a storm of threads that come and go");
}

/* A program that begins on one CPU, where its threads are already too many, and is let loose. */
static void* let_loose(void* unused) {
  (void)unused;
  widen();
  return be_many(NULL);
}
static void widening(void) {
  const pid_t pid = fork();
  int status = -1;
  if (pid == 0) {
    char* const argv[] = {(char*)"mm_cid", (char*)"narrow", NULL};
    run_on(0);
    execv("/proc/self/exe", argv);
    _exit(9);
  }
  waitpid(pid, &status, 0);
  check_named(status == 0, "who may run on more CPUs has a number below theirs");
}
static int narrow(void) {
  pthread_t threads[2];
  stop = arrived = 0;
  for (int i = 0; i < 2; ++i) pthread_create(&threads[i], NULL, let_loose, NULL);
  while (arrived < 2) sched_yield();
  usleep(3000);
  for (unsigned c = 0; c < cpus; ++c) {
    run_on(c);
    check_cid();
  }
  end_many(threads, 2);
  return wrong == 0 ? 0 : 1;
}

int main(int argc, char** argv) {
  (void)argv;
  cpus = (unsigned)sysconf(_SC_NPROCESSORS_CONF);
  if (argc > 1) return narrow();
  plan(10);
  few_threads();
  many_threads();
  storm();
  widening();
  return finished();
}
