// SPDX-License-Identifier: Apache-2.0
// Timers send their signals: to the process or a thread, once or at intervals, with what was missed counted.
#define _GNU_SOURCE
#include "tests/user/ktap.h"

#include <signal.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static const int64_t ms = 1000000, second = 1000000000;

static int64_t now_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * second + now.tv_nsec;
}
static struct itimerspec times(int64_t value, int64_t interval) {
  return (struct itimerspec){{interval / second, interval % second}, {value / second, value % second}};
}
/// The next of these signals within a second; 0: none came.
static int next(const sigset_t* set, siginfo_t* info) {
  const struct timespec most = {1, 0};
  const int sig = sigtimedwait(set, info, &most);
  return sig > 0 ? sig : 0;
}

int main(void) {
  sigset_t set;
  siginfo_t info;
  timer_t timer;
  plan(18);
  sigemptyset(&set);
  sigaddset(&set, SIGALRM);
  sigaddset(&set, SIGRTMIN);
  sigprocmask(SIG_BLOCK, &set, NULL);

  int64_t begun = now_ns();
  const struct itimerval once = {{0, 0}, {0, 5000}};
  check(setitimer(ITIMER_REAL, &once, NULL) == 0);
  check(next(&set, &info) == SIGALRM && now_ns() - begun >= 5 * ms);
  check(alarm(0) == 0);

  // To this thread, at intervals.
  struct sigevent event = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGRTMIN};
  event.sigev_value.sival_int = 77;
  event._sigev_un._tid = (int)syscall(SYS_gettid);
  check(timer_create(CLOCK_MONOTONIC, &event, &timer) == 0);
  struct itimerspec wanted = times(4 * ms, 4 * ms);
  begun = now_ns();
  check(timer_settime(timer, 0, &wanted, NULL) == 0);
  check(next(&set, &info) == SIGRTMIN);
  check(info.si_code == SI_TIMER && info.si_value.sival_int == 77 && info.si_overrun == 0);
  check(next(&set, &info) == SIGRTMIN && now_ns() - begun >= 8 * ms);
  // Four are missed.
  struct timespec rest = {0, 22 * ms};
  const int64_t resumed = now_ns();
  nanosleep(&rest, NULL);
  check(next(&set, &info) == SIGRTMIN);
  const int64_t missed = (now_ns() - resumed) / (4 * ms);
  check(info.si_overrun >= missed - 2 && info.si_overrun <= missed);
  check(timer_getoverrun(timer) == info.si_overrun);
  wanted = times(0, 0);
  check(timer_settime(timer, 0, &wanted, NULL) == 0);
  const struct timespec at_once = {0, 0};
  check_named(sigtimedwait(&set, &info, &at_once) == -1 && errno == EAGAIN, "nothing comes any more");

  // A signal that waits goes with its timer.
  wanted = times(1, 0);
  check(timer_settime(timer, 0, &wanted, NULL) == 0);
  rest.tv_nsec = 2 * ms;
  nanosleep(&rest, NULL);
  check(timer_delete(timer) == 0);
  check(sigtimedwait(&set, &info, &at_once) == -1 && errno == EAGAIN);

  // Without an event it is SIGALRM with the timer's number.
  int id = -1;
  check(syscall(SYS_timer_create, CLOCK_BOOTTIME, NULL, &id) == 0);
  wanted = times(1 * ms, 0);
  syscall(SYS_timer_settime, id, 0, &wanted, NULL);
  check(next(&set, &info) == SIGALRM && info.si_value.sival_int == id);
  return finished();
}
