// SPDX-License-Identifier: Apache-2.0
// Time slice extensions that end otherwise than was meant: a second reason to reschedule, a signal together
// with the first, the time over before user mode is reached, and a timer whose owner is not there any more.
// Properties T6, T7, T9 of rseq_mm_cid; with the argument "late" T8: the kernel takes longer for the way to
// user mode than an extension lasts.
#include "tests/user/burn.h"
#include "tests/user/rseq.h"

#include <fcntl.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <time.h>

enum { kSliceDefaultOn = 2, kSliceNs = 40000, kAheadNs = 400000 };
static volatile struct rseq_area area __attribute__((aligned(64)));
static volatile uint8_t* const request = (volatile uint8_t*)&area.slice_ctrl;
static volatile uint8_t* const granted = (volatile uint8_t*)&area.slice_ctrl + 1;

static uint64_t now_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}
static struct timespec at_ns(uint64_t ns) {
  return (struct timespec){.tv_sec = (time_t)(ns / 1000000000), .tv_nsec = (long)(ns % 1000000000)};
}

/* Threads that go before this one on its CPU: each wakes up at its time and executes for a while. */
static struct waker {
  sem_t ask;
  pthread_t thread;
  uint64_t wakes_at, busy_ns;
  volatile uint64_t ran_at; // 0: not yet
} wakers[2];
static volatile int over;
static void* wake_up(void* argument) {
  struct waker* const self = argument;
  for (;;) {
    while (sem_wait(&self->ask) != 0) {
    }
    if (over) return NULL;
    const struct timespec at = at_ns(self->wakes_at);
    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL);
    self->ran_at = now_ns();
    while (now_ns() < self->ran_at + self->busy_ns) relax();
  }
}
static int start_wakers(void) {
  int made = 1;
  for (int i = 0; i < 2; ++i) {
    const struct sched_param param = {.sched_priority = 10 + i};
    pthread_attr_t attr;
    pthread_attr_init(&attr);
    pthread_attr_setinheritsched(&attr, PTHREAD_EXPLICIT_SCHED);
    pthread_attr_setschedpolicy(&attr, SCHED_FIFO);
    pthread_attr_setschedparam(&attr, &param);
    sem_init(&wakers[i].ask, 0, 0);
    made &= pthread_create(&wakers[i].thread, &attr, wake_up, &wakers[i]) == 0;
  }
  return made;
}
/* The other one goes to sleep at once: it is of higher priority. */
static void wake_at(int which, uint64_t ns, uint64_t busy_ns) {
  wakers[which].wakes_at = ns;
  wakers[which].busy_ns = busy_ns;
  wakers[which].ran_at = 0;
  sem_post(&wakers[which].ask);
}

static struct counters {
  long long granted, expired, revoked, yielded, aborted;
} before;
static struct counters counters(void) {
  return (struct counters){rseq_statistic("s_granted"), rseq_statistic("s_expired"),
                           rseq_statistic("s_revoked"), rseq_statistic("s_yielded"),
                           rseq_statistic("s_aborted")};
}
/* By how much each has grown since `before`. */
static struct counters growth(void) {
  const struct counters now = counters();
  return (struct counters){now.granted - before.granted, now.expired - before.expired,
                           now.revoked - before.revoked, now.yielded - before.yielded,
                           now.aborted - before.aborted};
}
static int grew_by(long long more, long long expired, long long revoked) {
  const struct counters by = growth();
  const int same = by.granted == more && by.expired == expired && by.revoked == revoked && by.yielded == 0 &&
                   by.aborted == 0;
  if (!same)
    printf("# granted +%lld expired +%lld revoked +%lld yielded +%lld aborted +%lld\n", by.granted,
           by.expired, by.revoked, by.yielded, by.aborted);
  return same;
}

/* Each situation is set up several times, for an interrupt may come between: while the kernel decides, who
   asked is switched away from and has nothing; or it holds a timer up for longer than the situation lasts.
   Most rounds are as they were meant, or else the kernel is at fault. */
enum { kRounds = 9, kMost = 7 };

/* A second one wakes up while the extension goes on: both run at once, before it is over. */
static void second_wakeup(void) {
  int put_off = 0, cleared = 0, ended = 0, in_time = 0, counted = 0;
  for (int round = 0; round < kRounds; ++round) {
    before = counters();
    const uint64_t first = now_ns() + kAheadNs, second = first + kSliceNs / 2;
    wake_at(0, first, 1000);
    wake_at(1, second, 1000);
    *request = 1;
    int seen = 0, waits = 1;
    while (wakers[1].ran_at == 0) {
      const int has_run = wakers[0].ran_at != 0; // looked at first: the end may come between the two
      if (*granted != 0) {
        seen = 1;
        waits &= !has_run;
      }
      relax();
    }
    const uint32_t left = area.slice_ctrl;
    put_off += seen && waits;
    cleared += left == 0;
    ended += wakers[0].ran_at >= second;
    in_time += wakers[0].ran_at < first + kSliceNs && wakers[1].ran_at < first + kSliceNs;
    counted += grew_by(1, 0, 1);
  }
  check_named(put_off >= kMost, "an extension was granted, and the first one waited for it");
  check_named(cleared == kRounds && ended >= kMost, "the second one ends it");
  check_named(in_time >= kMost, "before its time is over");
  check_named(counted >= kMost, "granted, revoked, never expired");
}

/* A signal in the interrupt that asks for the reschedule. */
static volatile uint32_t control_in_handler = 99;
static volatile uint64_t handled_at;
static void on_signal(int sig) {
  (void)sig;
  control_in_handler = area.slice_ctrl;
  handled_at = now_ns();
}
static void with_a_signal(void) {
  struct sigevent event = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGUSR1};
  timer_t timer;
#ifndef sigev_notify_thread_id
#define sigev_notify_thread_id _sigev_un._tid
#endif
  event.sigev_notify_thread_id = (int)syscall(SYS_gettid);
  signal(SIGUSR1, on_signal);
  check(timer_create(CLOCK_MONOTONIC, &event, &timer) == 0);
  int taken_back = 0, at_once = 0, none = 0;
  for (int round = 0; round < kRounds; ++round) {
    before = counters();
    handled_at = 0;
    const uint64_t at = now_ns() + kAheadNs;
    const struct itimerspec both = {.it_value = at_ns(at)};
    wake_at(0, at, 1000);
    timer_settime(timer, TIMER_ABSTIME, &both, NULL);
    *request = 1;
    while (handled_at == 0) relax();
    const uint32_t left = area.slice_ctrl;
    taken_back += control_in_handler == 0 && left == 0;
    at_once += wakers[0].ran_at != 0 && wakers[0].ran_at < handled_at;
    none += grew_by(0, 0, 0);
  }
  check_named(taken_back == kRounds, "a request with a signal pending is taken back");
  check_named(at_once >= kMost, "the other one runs at once");
  check_named(none >= kMost, "nothing was granted");
}

/* Switched away from within the kernel (in a fault, most often), while the timer of the extension goes on: it
   finds another thread there. */
static void timer_of_another(void) {
  enum { kTimers = 40, kPages = 64 };
  int met = 0, quiet = 0, counted = 0;
  for (unsigned round = 0; round < kTimers; ++round) {
    char* const pages = mmap(NULL, kPages << 12, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    before = counters();
    const uint64_t first = now_ns() + kAheadNs, second = first + kSliceNs / 2 + round * 97;
    wake_at(0, first, 1000);
    wake_at(1, second, 3 * kSliceNs);
    *request = 1;
    uint64_t not_before = now_ns(); // the extension began later than that
    for (uint64_t at = not_before; *granted == 0 && wakers[0].ran_at == 0; at = now_ns()) not_before = at;
    const int seen = *granted;
    for (unsigned i = 0; i < kPages && wakers[1].ran_at == 0; ++i) pages[i << 12] = 1;
    while (wakers[1].ran_at == 0) relax();
    munmap(pages, kPages << 12);
    const struct counters by = growth();
    const int another = seen && wakers[1].ran_at < not_before + kSliceNs; // runs at the timer's time
    met += another;
    quiet += another && by.expired == 0;
    counted += by.granted == seen && by.revoked == seen;
  }
  if (met != kTimers || quiet != met || counted != kTimers)
    printf("# of %d timers %d met another thread, %d of them quiet, %d counted\n", kTimers, met, quiet,
           counted);
  check(met >= kTimers * 3 / 4);
  check_named(quiet == met && counted == kTimers, "the timer of who is not there any more does nothing");
}

/* A barrier of membarrier() on another CPU takes the extension back, though nobody is switched to: what it
   has put off is due then, not at the next tick. */
static volatile int breaks, broken;
static void* barrier_when_granted(void* unused) {
  run_on(1);
  while (breaks != 2) {
    if (breaks == 1 && *granted != 0) {
      breaks = 0;
      ++broken;
      syscall(SYS_membarrier, 1 << 7, 1, 0);
    }
    relax();
  }
  return unused;
}
static void barrier_of_another(void) {
  int in_time = 0;
  pthread_t breaker;
  if (sysconf(_SC_NPROCESSORS_ONLN) < 2) {
    check_named(1, "a barrier takes an extension back # SKIP one CPU");
    return;
  }
  syscall(SYS_membarrier, 1 << 8, 0, 0);
  pthread_create(&breaker, NULL, barrier_when_granted, NULL);
  for (int round = 0; round < kRounds; ++round) {
    const uint64_t first = now_ns() + kAheadNs;
    wake_at(0, first, 1000);
    breaks = 1;
    *request = 1;
    while (wakers[0].ran_at == 0) relax();
    in_time += wakers[0].ran_at < first + 4 * kSliceNs;
  }
  breaks = 2;
  pthread_join(breaker, NULL);
  if (broken != kRounds || in_time != kRounds)
    printf("# broken %d times, in time %d times\n", broken, in_time);
  check_named(broken >= kMost && in_time >= kMost,
              "a barrier takes an extension back; who waits has its turn");
}

/* The kernel is slow (its test says so): no extension is ever seen. */
static void late(void) {
  int seen = 0, cleared = 0, counted = 0;
  for (int round = 0; round < kRounds; ++round) {
    before = counters();
    const uint64_t first = now_ns() + kAheadNs;
    wake_at(0, first, 1000);
    *request = 1;
    while (wakers[0].ran_at == 0) {
      seen |= *granted != 0;
      relax();
    }
    const uint32_t left = area.slice_ctrl;
    cleared += left == 0;
    counted += grew_by(1, 0, 1);
  }
  check_named(!seen && cleared == kRounds, "an extension that is over before user mode is taken back there");
  check_named(counted >= kMost, "granted, revoked, never expired");
}

static int set_length(unsigned ns) {
  FILE* const file = fopen("/proc/sys/kernel/rseq_slice_ns", "w");
  return file != NULL && fprintf(file, "%u", ns) > 0 && fclose(file) == 0;
}

int main(int argc, char** argv) {
  const int is_late = argc > 1 && strcmp(argv[1], "late") == 0;
  plan(is_late ? 5 : 14);
  run_on(0);
  check(libc_unregister() == 0 && sys_rseq(&area, 64, kSliceDefaultOn, RSEQ_SIG) == 0);
  check(set_length(kSliceNs));
  check(start_wakers());
  if (is_late) {
    late();
  } else {
    second_wakeup();
    with_a_signal();
    timer_of_another();
    barrier_of_another();
  }
  over = 1;
  for (int i = 0; i < 2; ++i) sem_post(&wakers[i].ask);
  for (int i = 0; i < 2; ++i) pthread_join(wakers[i].thread, NULL);
  return finished();
}
