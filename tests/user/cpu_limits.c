// SPDX-License-Identifier: Apache-2.0
// What happens to threads that run for too long: RLIMIT_RTTIME, and the overrun of a deadline task that asked
// to be told. Times are those of the thread's own CPU clock.
#define _GNU_SOURCE
#include "tests/user/burn.h"
#include "tests/user/ktap.h"

#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { kTick = 4000, kMost = 8 }; // us; signals remembered

static struct seen {
  volatile uint32_t signals;
  volatile uint64_t at[kMost]; // us of the thread's time
  volatile uint64_t last;
}* seen; // shared with the child

static uint64_t ran_us(void) {
  struct timespec ran;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ran);
  return (uint64_t)ran.tv_sec * 1000000u + (uint64_t)ran.tv_nsec / 1000u;
}

static void on_signal(int sig) {
  (void)sig;
  const uint32_t n = seen->signals;
  if (n < kMost) seen->at[n] = ran_us();
  seen->signals = n + 1;
}

static void spin_until(uint64_t end) {
  while ((seen->last = ran_us()) < end) burn();
}

static void become_fifo(uint64_t soft, uint64_t hard) {
  const struct rlimit limit = {soft, hard};
  const struct sched_param param = {.sched_priority = 10};
  struct sigaction action = {.sa_handler = on_signal};
  if (sigaction(SIGXCPU, &action, NULL) != 0 || setrlimit(RLIMIT_RTTIME, &limit) != 0 ||
      sched_setscheduler(0, SCHED_FIFO, &param) != 0)
    _exit(99);
}

static int run_child(void (*body)(void)) {
  memset(seen, 0, sizeof *seen);
  const pid_t child = fork();
  if (child == 0) {
    body();
    _exit(0);
  }
  int status = -1;
  return waitpid(child, &status, 0) == child ? status : -1;
}

static int near(uint64_t value, uint64_t wanted) {
  return value + 2 * kTick >= wanted && value <= wanted + 2 * kTick;
}

static void run_on_and_on(void) {
  become_fifo(60000, 1200000);
  const struct timespec moment = {0, 1000000};
  nanosleep(&moment, NULL); // from here on it counts
  const uint64_t start = ran_us();
  seen->at[kMost - 1] = start;
  spin_until(start + 10000000);
}

static void sleep_in_between(void) {
  become_fifo(60000, 100000);
  const struct timespec moment = {0, 1000000};
  for (int i = 0; i < 6; ++i) {
    nanosleep(&moment, NULL);
    spin_until(ran_us() + 40000);
  }
}

static void other_class(void) {
  become_fifo(20000, 40000);
  const struct sched_param none = {.sched_priority = 0};
  sched_setscheduler(0, SCHED_OTHER, &none);
  spin_until(ran_us() + 200000);
}

static void overrun(void) {
  struct sigaction action = {.sa_handler = on_signal};
  sigaction(SIGXCPU, &action, NULL);
  struct {
    uint32_t size, policy;
    uint64_t flags;
    int32_t nice;
    uint32_t priority;
    uint64_t runtime, deadline, period;
  } attr = {.size = sizeof attr,
            .policy = 6, // SCHED_DEADLINE
            .flags = 4,  // SCHED_FLAG_DL_OVERRUN
            .runtime = 5000000,
            .deadline = 20000000,
            .period = 20000000};
  if (syscall(SYS_sched_setattr, 0, &attr, 0) != 0) _exit(98);
  spin_until(ran_us() + 23000); // more than four times its runtime
}

int main(void) {
  plan(11);
  seen = (struct seen*)mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  check(seen != MAP_FAILED);

  int status = run_child(run_on_and_on);
  check(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
  check(seen->signals == 2); // at the limit, and a second later
  const uint64_t start = seen->at[kMost - 1];
  check(near(seen->at[0] - start, 60000));
  check(near(seen->at[1] - start, 1060000));
  check(near(seen->last - start, 1200000));

  status = run_child(sleep_in_between);
  check(WIFEXITED(status) && WEXITSTATUS(status) == 0 && seen->signals == 0);
  status = run_child(other_class);
  check(WIFEXITED(status) && WEXITSTATUS(status) == 0 && seen->signals == 0);

  status = run_child(overrun);
  check(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  check(seen->signals >= 3 && seen->signals <= 5);
  check(seen->signals == 0 || near(seen->at[0], 5000));
  return finished();
}
