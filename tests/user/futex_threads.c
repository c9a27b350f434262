// SPDX-License-Identifier: Apache-2.0
// Threads of the C library and the futex calls beneath them: joining, mutexes, condition variables, robust
// mutexes, waiting at several words, moving waiters.
#define _GNU_SOURCE
#include "tests/user/ktap.h"

#include <linux/futex.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static long futex(atomic_uint* word, int op, unsigned value, uintptr_t timeout, atomic_uint* second,
                  unsigned third) {
  return syscall(SYS_futex, word, op, value, timeout, second, third);
}

enum { kThreads = 4, kRounds = 2000 };

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t condition = PTHREAD_COND_INITIALIZER;
static long counter, turns[kThreads];
static int turn;

static void* count(void* unused) {
  (void)unused;
  for (int i = 0; i < kRounds; ++i) {
    pthread_mutex_lock(&mutex);
    ++counter;
    pthread_mutex_unlock(&mutex);
  }
  return &counter;
}

/// Threads take turns, each woken by the one before it.
static void* take_turns(void* argument) {
  const int self = (int)(intptr_t)argument;
  pthread_mutex_lock(&mutex);
  for (int i = 0; i < 100; ++i) {
    while (turn != self) pthread_cond_wait(&condition, &mutex);
    ++turns[self];
    turn = (turn + 1) % kThreads;
    pthread_cond_broadcast(&condition);
  }
  pthread_mutex_unlock(&mutex);
  return NULL;
}

static int run_all(void* (*body)(void*)) {
  pthread_t threads[kThreads];
  for (int i = 0; i < kThreads; ++i)
    if (pthread_create(&threads[i], NULL, body, (void*)(intptr_t)i) != 0) return 0;
  for (int i = 0; i < kThreads; ++i) pthread_join(threads[i], NULL);
  return 1;
}

static pthread_mutex_t robust;
static void* die_with_lock(void* unused) {
  pthread_mutex_lock(&robust);
  return unused;
}

static atomic_uint words[4];
static void* wait_at_first(void* unused) {
  (void)unused;
  return (void*)futex(&words[0], FUTEX_WAIT_PRIVATE, 0, 0, NULL, 0);
}

static void pause_a_little(void) {
  const struct timespec pause = {0, 20 * 1000 * 1000};
  atomic_uint nobody = 0;
  futex(&nobody, FUTEX_WAIT_PRIVATE, 0, (uintptr_t)&pause, NULL, 0);
}

static pthread_mutex_t inheriting;
static long inherited;
static void* count_inheriting(void* unused) {
  (void)unused;
  for (int i = 0; i < 200; ++i) {
    pthread_mutex_lock(&inheriting);
    const long seen = inherited;
    if (i % 8 == 0) syscall(SYS_sched_yield);
    inherited = seen + 1;
    pthread_mutex_unlock(&inheriting);
  }
  return NULL;
}

static void check_moving(void) {
  pthread_t threads[kThreads];
  for (int i = 0; i < kThreads; ++i) pthread_create(&threads[i], NULL, wait_at_first, NULL);
  // Who can be moved is asleep.
  for (long moved = 0; moved < kThreads; pause_a_little())
    moved += futex(&words[0], FUTEX_REQUEUE_PRIVATE, 0, kThreads, &words[2], 0);
  check(futex(&words[2], FUTEX_CMP_REQUEUE_PRIVATE, 1, 1, &words[1], 0) == 2);
  check(futex(&words[2], FUTEX_REQUEUE_PRIVATE, 0, 2, &words[1], 0) == 2);
  check(futex(&words[1], FUTEX_WAKE_PRIVATE, 9, 0, NULL, 0) == 3);
  for (int i = 0; i < kThreads; ++i) pthread_join(threads[i], NULL);
}

int main(void) {
  plan(16);
  check(run_all(count));
  check(counter == (long)kThreads * kRounds);
  check(run_all(take_turns));
  check(turns[0] == 100 && turns[kThreads - 1] == 100);

  pthread_mutexattr_t attributes;
  pthread_mutexattr_init(&attributes);
  pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
  pthread_mutex_init(&robust, &attributes);
  pthread_t thread;
  check(pthread_create(&thread, NULL, die_with_lock, NULL) == 0);
  pthread_join(thread, NULL);
  check(pthread_mutex_lock(&robust) == EOWNERDEAD);
  check(pthread_mutex_consistent(&robust) == 0);
  check(pthread_mutex_unlock(&robust) == 0);

  check_moving();

  pthread_mutexattr_init(&attributes);
  pthread_mutexattr_setprotocol(&attributes, PTHREAD_PRIO_INHERIT);
  check(pthread_mutex_init(&inheriting, &attributes) == 0);
  check(run_all(count_inheriting));
  check(inherited == 200l * kThreads);
  struct timespec until;
  clock_gettime(CLOCK_REALTIME, &until);
  check(pthread_mutex_timedlock(&mutex, &until) == 0);
  check(pthread_mutex_timedlock(&mutex, &until) == ETIMEDOUT);
  return finished();
}
