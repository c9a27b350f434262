// SPDX-License-Identifier: Apache-2.0
// Clocks of processor time: whose they are, timers and sleeps by them, itimers, RLIMIT_CPU, and how the time
// is divided into the user's and the kernel's. What is armed for a time expires behind it, within some ticks.
#define _GNU_SOURCE
#include "tests/user/burn.h"
#include "tests/user/ktap.h"

#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/times.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static const int64_t ms = 1000000, second = 1000000000, late = 16 * 1000000; // four ticks

static int64_t shown(clockid_t clock) {
  struct timespec now = {0, 0};
  if (syscall(SYS_clock_gettime, clock, &now) != 0) return -1;
  return now.tv_sec * second + now.tv_nsec;
}
static struct timespec spec(int64_t ns) { return (struct timespec){ns / second, ns % second}; }
static struct itimerspec setting(int64_t value, int64_t interval) {
  return (struct itimerspec){spec(interval), spec(value)};
}
static int64_t ns_of(struct timeval t) { return t.tv_sec * second + t.tv_usec * 1000; }
static int64_t ns_of_spec(struct timespec t) { return t.tv_sec * second + t.tv_nsec; }

static volatile sig_atomic_t seen[65];
static volatile int64_t seen_at[65]; // by the process's clock
static volatile int overrun;
static void on_signal(int sig, siginfo_t* info, void* context) {
  (void)context;
  seen_at[sig] = shown(CLOCK_PROCESS_CPUTIME_ID);
  overrun = info->si_overrun;
  seen[sig] = seen[sig] + 1;
}
static void catch_signal(int sig) {
  struct sigaction action = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO};
  seen[sig] = 0;
  sigaction(sig, &action, NULL);
}
/// Until the signal has come so often, or that much time is used.
static int burn_until(int sig, int count, int64_t most) {
  const int64_t end = shown(CLOCK_PROCESS_CPUTIME_ID) + most;
  while (seen[sig] < count && shown(CLOCK_PROCESS_CPUTIME_ID) < end)
    for (int i = 0; i < 20 && seen[sig] < count; ++i) burn();
  return seen[sig] >= count;
}
static void burn_for(int64_t ns) {
  const int64_t end = shown(CLOCK_THREAD_CPUTIME_ID) + ns;
  while (shown(CLOCK_THREAD_CPUTIME_ID) < end)
    for (int i = 0; i < 20; ++i) burn();
}

static volatile int stop_burning;
static void* burn_on(void* unused) {
  while (!stop_burning) burn();
  return unused;
}
static void* nothing(void* tid) {
  *(volatile pid_t*)tid = (pid_t)syscall(SYS_gettid);
  return NULL;
}

enum {
  kOwnProf = -8,
  kOwnVirtual = -7,
  kOwnRun = -6,
  kThreadProf = -4,
  kThreadVirtual = -3,
  kThreadRun = -2
};
static clockid_t clock_of(pid_t id, int low) { return (clockid_t)(~(unsigned)id << 3 | (unsigned)low); }

static void clocks(void) {
  burn_for(10 * ms);
  clockid_t own, thread;
  check(clock_getcpuclockid(0, &own) == 0 && clock_getcpuclockid(getpid(), &own) == 0);
  check(pthread_getcpuclockid(pthread_self(), &thread) == 0);
  const int64_t before = shown(CLOCK_PROCESS_CPUTIME_ID), by_pid = shown(own), by_thread = shown(thread);
  check(before <= by_pid && by_pid <= shown(kOwnRun));
  check(by_thread > 0 && by_thread <= shown(kThreadRun) &&
        shown(kThreadRun) <= shown(CLOCK_PROCESS_CPUTIME_ID));
  check(shown(kOwnVirtual) <= shown(kOwnProf) && shown(kThreadVirtual) <= shown(kThreadProf));
  check(shown(kOwnProf) % (4 * ms) == 0);
  struct timespec unit;
  check(syscall(SYS_clock_getres, own, &unit) == 0 && unit.tv_nsec == 1);
  check(syscall(SYS_clock_getres, kOwnProf, &unit) == 0 && unit.tv_nsec == 4 * ms);
  check_errno(syscall(SYS_clock_gettime, -5, &unit), EINVAL); // a descriptor's
  check_errno(syscall(SYS_clock_gettime, -1, &unit), EINVAL);
  check_errno(syscall(SYS_clock_gettime, clock_of(4000000, 2), &unit), EINVAL);
  check_errno(syscall(SYS_clock_getres, clock_of(4000000, 2), &unit), EINVAL);
  check(shown(clock_of(getppid() > 1 ? getppid() : getpid(), 2)) >= 0);
}

static void refusals(void) {
  int id;
  struct sigevent event = {.sigev_notify = SIGEV_NONE};
  check_errno(syscall(SYS_timer_create, clock_of(4000000, 2), &event, &id), EINVAL);
  check_errno(syscall(SYS_timer_create, -5, &event, &id), EOPNOTSUPP);
  check_errno(syscall(SYS_timer_create, 99, (void*)16, &id), EFAULT);
  check_errno(syscall(SYS_timer_create, kOwnRun, &event, (void*)16), EFAULT);
  const struct timespec moment = spec(ms), crooked = {0, 1000000000};
  check_errno(syscall(SYS_clock_nanosleep, CLOCK_THREAD_CPUTIME_ID, 0, &moment, NULL), EOPNOTSUPP);
  check_errno(syscall(SYS_clock_nanosleep, -5, 0, &moment, NULL), EOPNOTSUPP);
  check_errno(syscall(SYS_clock_nanosleep, kThreadRun, 0, &moment, NULL), EINVAL);
  check_errno(syscall(SYS_clock_nanosleep, clock_of((pid_t)syscall(SYS_gettid), 6), 0, &moment, NULL),
              EINVAL);
  check_errno(syscall(SYS_clock_nanosleep, kOwnRun, 0, &crooked, NULL), EINVAL);
  check_errno(syscall(SYS_clock_nanosleep, clock_of(4000000, 2), 0, (void*)16, NULL), EFAULT);
  check_errno(syscall(SYS_clock_nanosleep, clock_of(4000000, 2), 0, &moment, NULL), EINVAL);
  struct itimerval it = {{0, 0}, {0, 0}};
  check_errno(syscall(SYS_setitimer, 3, &it, NULL), EINVAL);
  check_errno(syscall(SYS_setitimer, 3, (void*)16, NULL), EFAULT);
  check_errno(syscall(SYS_getitimer, 3, (void*)16), EINVAL);
  check_errno(syscall(SYS_getitimer, ITIMER_PROF, (void*)16), EFAULT);
}

static void timers(void) {
  timer_t timer;
  struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMIN};
  catch_signal(SIGRTMIN);
  check(timer_create(CLOCK_PROCESS_CPUTIME_ID, &event, &timer) == 0);
  struct itimerspec wanted = setting(20 * ms, 0), left;
  int64_t from = shown(CLOCK_PROCESS_CPUTIME_ID);
  check(timer_settime(timer, 0, &wanted, NULL) == 0);
  check(timer_gettime(timer, &left) == 0 && ns_of_spec(left.it_value) > 0 &&
        ns_of_spec(left.it_value) <= 20 * ms);
  // Asleep no time is used.
  const struct timespec rest = spec(40 * ms);
  nanosleep(&rest, NULL);
  check(seen[SIGRTMIN] == 0);
  check(burn_until(SIGRTMIN, 1, second));
  check(seen_at[SIGRTMIN] >= from + 20 * ms && seen_at[SIGRTMIN] <= from + 20 * ms + late);
  check(timer_gettime(timer, &left) == 0 && ns_of_spec(left.it_value) == 0);

  // At intervals; the clock goes on behind the first.
  wanted = setting(8 * ms, 20 * ms);
  from = shown(CLOCK_PROCESS_CPUTIME_ID);
  seen[SIGRTMIN] = 0;
  timer_settime(timer, 0, &wanted, NULL);
  check(burn_until(SIGRTMIN, 3, second));
  check(seen_at[SIGRTMIN] >= from + 48 * ms && seen_at[SIGRTMIN] <= from + 48 * ms + late);
  check(overrun == 0 && timer_getoverrun(timer) == 0);
  // Blocked, it counts what it misses.
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGRTMIN);
  wanted = setting(4 * ms, 4 * ms);
  sigprocmask(SIG_BLOCK, &set, NULL);
  timer_settime(timer, 0, &wanted, &left);
  check(ns_of_spec(left.it_interval) == 20 * ms && ns_of_spec(left.it_value) <= 20 * ms);
  from = shown(CLOCK_PROCESS_CPUTIME_ID);
  burn_for(40 * ms);
  siginfo_t info;
  check(sigwaitinfo(&set, &info) == SIGRTMIN && info.si_code == SI_TIMER);
  const int64_t missed = (shown(CLOCK_PROCESS_CPUTIME_ID) - from) / (4 * ms) - 1;
  check(info.si_overrun >= missed - 1 && info.si_overrun <= missed + 1);
  // A point that is past.
  wanted = setting(1, 0);
  timer_settime(timer, TIMER_ABSTIME, &wanted, NULL);
  const struct timespec at_once = {0, 0};
  check(sigtimedwait(&set, &info, &at_once) == SIGRTMIN);
  check(timer_delete(timer) == 0);
  sigprocmask(SIG_UNBLOCK, &set, NULL);

  // Only looked at.
  event.sigev_notify = SIGEV_NONE;
  check(timer_create(kOwnRun, &event, &timer) == 0);
  wanted = setting(10 * ms, 0);
  timer_settime(timer, 0, &wanted, NULL);
  check(timer_gettime(timer, &left) == 0 && ns_of_spec(left.it_value) > 0);
  burn_for(12 * ms);
  check(timer_gettime(timer, &left) == 0 && ns_of_spec(left.it_value) == 0);
  timer_delete(timer);
}

static void timers_of_others(void) {
  timer_t timer;
  struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMIN + 1};
  catch_signal(SIGRTMIN + 1);
  // One thread's time, while another uses the CPU.
  check(timer_create(CLOCK_THREAD_CPUTIME_ID, &event, &timer) == 0);
  struct itimerspec wanted = setting(20 * ms, 0), left;
  const int64_t from = shown(CLOCK_THREAD_CPUTIME_ID);
  timer_settime(timer, 0, &wanted, NULL);
  pthread_t other;
  stop_burning = 0;
  pthread_create(&other, NULL, burn_on, NULL);
  struct timespec rest = spec(60 * ms);
  nanosleep(&rest, NULL);
  check(seen[SIGRTMIN + 1] == 0);
  // The process's time goes on with the other thread alone.
  rest = spec(10 * ms);
  const int64_t slept_from = shown(CLOCK_PROCESS_CPUTIME_ID);
  check(syscall(SYS_clock_nanosleep, kOwnRun, 0, &rest, NULL) == 0);
  check(shown(CLOCK_PROCESS_CPUTIME_ID) >= slept_from + 10 * ms);
  struct timespec at = spec(shown(CLOCK_PROCESS_CPUTIME_ID) + 10 * ms);
  check(clock_nanosleep(CLOCK_PROCESS_CPUTIME_ID, TIMER_ABSTIME, &at, NULL) == 0);
  check(shown(CLOCK_PROCESS_CPUTIME_ID) >= ns_of_spec(at));
  check(clock_nanosleep(CLOCK_PROCESS_CPUTIME_ID, TIMER_ABSTIME, &at, NULL) == 0); // past
  stop_burning = 1;
  pthread_join(other, NULL);
  while (seen[SIGRTMIN + 1] == 0 && shown(CLOCK_THREAD_CPUTIME_ID) < from + second) burn();
  check(seen[SIGRTMIN + 1] == 1 && shown(CLOCK_THREAD_CPUTIME_ID) >= from + 20 * ms);
  check(shown(CLOCK_THREAD_CPUTIME_ID) <= from + 20 * ms + late);
  timer_delete(timer);

  // A thread that is gone has no time, and is no more to be waited for.
  volatile pid_t tid = 0;
  stop_burning = 0;
  pthread_create(&other, NULL, nothing, (void*)&tid);
  pthread_join(other, NULL);
  check_errno(syscall(SYS_clock_gettime, clock_of(tid, 6), &at), EINVAL);

  // A child's time.
  const pid_t child = fork();
  if (child == 0) {
    stop_burning = 0;
    burn_on(NULL);
    _exit(0);
  }
  clockid_t clock;
  check(clock_getcpuclockid(child, &clock) == 0 && clock == clock_of(child, 2));
  check(timer_create(clock, &event, &timer) == 0);
  seen[SIGRTMIN + 1] = 0;
  wanted = setting(20 * ms, 0);
  check(timer_settime(timer, 0, &wanted, NULL) == 0);
  for (int i = 0; i < 100 && seen[SIGRTMIN + 1] == 0; ++i) {
    rest = spec(10 * ms);
    nanosleep(&rest, NULL);
  }
  check(seen[SIGRTMIN + 1] == 1 && shown(clock) >= 20 * ms);
  struct rusage used;
  int status;
  kill(child, SIGKILL);
  check(wait4(child, &status, 0, &used) == child &&
        ns_of(used.ru_utime) + ns_of(used.ru_stime) >= 20 * ms - 2000);
  check(ns_of(used.ru_utime) > ns_of(used.ru_stime));
  check_errno(timer_settime(timer, 0, &wanted, NULL), ESRCH);
  check(timer_gettime(timer, &left) == 0 && ns_of_spec(left.it_value) == 0);
  check(timer_delete(timer) == 0);
  check(clock_getcpuclockid(child, &clock) == ESRCH);
}

/// A signal cuts the sleep short; without a handler that ends it, it goes on to the same point.
static void interrupted_sleep(void) {
  catch_signal(SIGALRM);
  const struct itimerval soon = {{0, 0}, {0, 20000}};
  struct timespec rest = spec(second), left = {0, 0};
  setitimer(ITIMER_REAL, &soon, NULL);
  check_errno(syscall(SYS_clock_nanosleep, kOwnRun, 0, &rest, &left), EINTR);
  check(ns_of_spec(left) > 0 && ns_of_spec(left) < second);
}

static void interval_timers(void) {
  struct itimerval wanted = {{0, 0}, {0, 20000}}, old;
  const int signals[] = {0, SIGVTALRM, SIGPROF};
  for (int which = ITIMER_VIRTUAL; which <= ITIMER_PROF; ++which) {
    const clockid_t clock = which == ITIMER_VIRTUAL ? kOwnVirtual : kOwnProf;
    const int sig = signals[which];
    catch_signal(sig);
    check(getitimer(which, &old) == 0 && ns_of(old.it_value) == 0 && ns_of(old.it_interval) == 0);
    const int64_t from = shown(clock);
    wanted.it_interval.tv_usec = 12000;
    check(setitimer(which, &wanted, NULL) == 0);
    check(getitimer(which, &old) == 0 && ns_of(old.it_value) > 12 * ms && ns_of(old.it_value) <= 24 * ms &&
          ns_of(old.it_interval) == 12 * ms);
    check(burn_until(sig, 1, second) && shown(clock) >= from + 20 * ms &&
          shown(clock) <= from + 20 * ms + late);
    check(burn_until(sig, 3, second) && shown(clock) >= from + 44 * ms &&
          shown(clock) <= from + 44 * ms + late);
    const struct itimerval none = {{0, 0}, {0, 0}};
    check(setitimer(which, &none, &old) == 0 && ns_of(old.it_value) > 0 && ns_of(old.it_interval) == 12 * ms);
    seen[sig] = 0;
    burn_for(40 * ms);
    check(seen[sig] == 0);
  }
}

static void limits(void) {
  const pid_t child = fork();
  if (child == 0) {
    const struct rlimit limit = {0, 1};
    struct rlimit now;
    const int64_t from = shown(kOwnProf); // a child begins with none
    catch_signal(SIGXCPU);
    if (setrlimit(RLIMIT_CPU, &limit) != 0 || from > 8 * ms) _exit(97);
    if (!burn_until(SIGXCPU, 1, second / 2)) _exit(98);
    if (getrlimit(RLIMIT_CPU, &now) != 0 || now.rlim_cur != 1 || now.rlim_max != 1) _exit(99);
    burn_for(2 * second);
    _exit(96);
  }
  struct rusage used;
  int status = 0;
  check(wait4(child, &status, 0, &used) == child && WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
  const int64_t ran = ns_of(used.ru_utime) + ns_of(used.ru_stime);
  check(ran >= second - late && ran <= second + 2 * late);
}

/// The loop is the user's time, the calls are the kernel's.
static void division(void) {
  struct tms times_of;
  struct rusage before, after;
  getrusage(RUSAGE_SELF, &before);
  const int64_t from = shown(CLOCK_PROCESS_CPUTIME_ID);
  while (shown(CLOCK_PROCESS_CPUTIME_ID) < from + 100 * ms)
    for (int i = 0; i < 100; ++i) burn();
  getrusage(RUSAGE_SELF, &after);
  const int64_t user = ns_of(after.ru_utime) - ns_of(before.ru_utime);
  const int64_t system = ns_of(after.ru_stime) - ns_of(before.ru_stime);
  check(user >= 80 * ms && system <= 40 * ms);
  before = after;
  char big[4096];
  const int64_t mid = shown(CLOCK_PROCESS_CPUTIME_ID);
  while (shown(CLOCK_PROCESS_CPUTIME_ID) < mid + 100 * ms)
    for (int i = 0; i < 20; ++i) syscall(SYS_getrandom, big, sizeof big, 0);
  getrusage(RUSAGE_SELF, &after);
  check(ns_of(after.ru_stime) - ns_of(before.ru_stime) >= 40 * ms);
  const int64_t all = shown(CLOCK_PROCESS_CPUTIME_ID);
  check(ns_of(after.ru_utime) + ns_of(after.ru_stime) <= all);
  check(times(&times_of) > 0 && times_of.tms_stime > 0 && times_of.tms_utime > 0);
  check((int64_t)(times_of.tms_utime + times_of.tms_stime) * 10 * ms <= shown(CLOCK_PROCESS_CPUTIME_ID));
}

int main(void) {
  plan(89);
  clocks();
  refusals();
  timers();
  timers_of_others();
  interrupted_sleep();
  interval_timers();
  limits();
  division();
  return finished();
}
