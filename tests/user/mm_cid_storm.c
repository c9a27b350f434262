// SPDX-License-Identifier: Apache-2.0
// Up to two hundred threads that make each other and end, now few, now many, so that the numbers change hands
// between threads and CPUs all the time, and while others are being born, die, move, sleep, exec in vain and
// fork. Argument: for how many milliseconds (default 40). Debug images check every switch and every change
// of hands; this looks at what a program can see: each number is small, and nothing stops.
#include "tests/user/rseq.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/wait.h>
#include <time.h>

enum { kMost = 199, kStack = 64 << 10, kLeastTurns = 20 }; // with the first thread 200
static unsigned cpus, turns;
static atomic_uint alive, wanted, born;
static atomic_int wrong;
static pthread_attr_t small;

static uint64_t now_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}
static unsigned next_random(unsigned* seed) { return (*seed = *seed * 1664525 + 1013904223) >> 16; }
static void check_number(void) {
  if (libc_area()->mm_cid >= cpus) ++wrong;
}
static void sleep_us(unsigned us) {
  const struct timespec t = {0, (long)us * 1000};
  nanosleep(&t, NULL);
}
static void run_anywhere(void) {
  cpu_set_t all;
  CPU_ZERO(&all);
  for (unsigned c = 0; c < cpus; ++c) CPU_SET(c, &all);
  sched_setaffinity(0, sizeof all, &all);
}
/* Some are of the realtime class for a while: they are never in the way of the first thread's clock for long.
 */
static void be_realtime(int priority) {
  const struct sched_param how = {.sched_priority = priority};
  sched_setscheduler(0, priority == 0 ? SCHED_OTHER : SCHED_RR, &how);
}

static void* live(void* argument);
static void make_one(void) {
  unsigned n = alive;
  while (n < wanted)
    if (atomic_compare_exchange_weak(&alive, &n, n + 1)) {
      pthread_t thread;
      if (pthread_create(&thread, &small, live, (void*)(uintptr_t)(++born)) != 0) --alive;
      return;
    }
}
static int may_end(void) {
  unsigned n = alive;
  while (n > wanted)
    if (atomic_compare_exchange_weak(&alive, &n, n - 1)) return 1;
  return 0;
}
static void* live(void* argument) {
  unsigned seed = (unsigned)(uintptr_t)argument * 2654435761u;
  do {
    check_number();
    make_one();
    switch (next_random(&seed) % 8) {
    case 0:
      run_on(next_random(&seed) % cpus);
      break;
    case 1:
      run_anywhere();
      break;
    case 2:
      be_realtime(1);
      break;
    case 3:
      be_realtime(0);
      break;
    case 4:
      sched_yield();
      break;
    default:
      sleep_us(next_random(&seed) % 300);
    }
    check_number();
  } while (!may_end());
  return NULL;
}

static void fork_once(void) {
  int status = -1;
  const pid_t pid = fork();
  if (pid == 0) _exit(libc_area()->mm_cid == 0 ? 0 : 1);
  waitpid(pid, &status, 0);
  if (status != 0) ++wrong;
}
static void vfork_once(void) {
  const pid_t pid = vfork();
  if (pid == 0) _exit(0);
  waitpid(pid, NULL, 0);
}
static void exec_in_vain(void) {
  char* const argv[] = {(char*)"none", NULL};
  if (execv("/proc/self/status", argv) != -1) ++wrong;
}
static int wait_for_count(void) {
  for (int tries = 0; tries < 100000; ++tries) {
    if (alive == wanted) return 1;
    if (alive < wanted) make_one();
    sleep_us(100);
  }
  return 0;
}
/* Around the counts at which the numbers change hands, and far beyond them. */
static unsigned next_count(unsigned* seed) {
  const unsigned counts[] = {0, 0, 1, cpus - 1, cpus, cpus + 1, 3 * cpus, kMost};
  const unsigned count = counts[next_random(seed) % 8];
  return count < kMost ? count : kMost;
}
/* On a machine whose clock is another's a turn may take any time: there are some at least. */
static int storm(uint64_t end) {
  unsigned seed = 1;
  int arrived = 1;
  for (turns = 0; arrived && (turns < kLeastTurns || now_ns() < end); ++turns) {
    wanted = next_count(&seed);
    make_one();
    switch (next_random(&seed) % 8) {
    case 0:
      fork_once();
      break;
    case 1:
      vfork_once();
      break;
    case 2:
      exec_in_vain();
      break;
    case 3:
      sleep_us(next_random(&seed) % 1000);
      break; // and changes its mind in the middle
    default:
      arrived = wait_for_count();
      sleep_us(next_random(&seed) % 500);
    }
    check_number();
  }
  wanted = 0;
  return wait_for_count() && arrived;
}

int main(int argc, char** argv) {
  const uint64_t ms = argc > 1 ? strtoull(argv[1], NULL, 10) : 40;
  cpus = (unsigned)sysconf(_SC_NPROCESSORS_CONF);
  pthread_attr_init(&small);
  pthread_attr_setstacksize(&small, kStack);
  pthread_attr_setdetachstate(&small, PTHREAD_CREATE_DETACHED);
  const uint64_t start = now_ns();
  const long long before = rseq_statistic("cid_flips");
  plan(3);
  check_named(storm(start + ms * 1000000), "the threads become as many as they are wanted");
  check_named(wrong == 0, "no number is as large as the number of CPUs");
  const long long flips = rseq_statistic("cid_flips") - before;
  printf("# %llu ms: %u turns, %u threads were born, the numbers changed hands %lld times\n",
         (unsigned long long)(now_ns() - start) / 1000000, turns, born, flips);
  // With less than 4 CPUs they do so once: only one thread fewer than two would bring them back.
  check_named(before >= 0 && flips >= (cpus < 4 ? 1 : 2), "the numbers change hands");
  return finished();
}
