// SPDX-License-Identifier: Apache-2.0
// What system calls, switches and processes cost as a program sees it: nanoseconds of the monotonic clock,
// which in a deterministic machine are instructions. An ordinary Linux program; as process 1 (another
// kernel's /init) it opens the console itself and turns the machine off at the end. "# bench NAME VALUE UNIT"
// lines.
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/futex.h>
#include <linux/reboot.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static char* own_path;

static uint64_t now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static void say(const char* name, uint64_t value) {
  printf("# bench user_%s %lu instructions\n", name, value);
}

// The second time counts: the first one meets what is loaded and filled on demand.
static void measure(const char* name, unsigned count, void (*body)(unsigned)) {
  body(count);
  const uint64_t before = now();
  body(count);
  say(name, (now() - before) / count);
}

static void pin(int cpu) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(cpu, &set);
  sched_setaffinity(0, sizeof set, &set);
}

static void null_call(unsigned n) {
  while (n-- > 0) syscall(SYS_getppid);
}
static void get_cpu(unsigned n) {
  while (n-- > 0) sched_getcpu();
}
static void read_clock(unsigned n) {
  while (n-- > 0) now();
}
static void on_signal(int sig) { (void)sig; }
static void signal_to_self(unsigned n) {
  signal(SIGUSR1, on_signal);
  while (n-- > 0) raise(SIGUSR1);
}
static void map_and_unmap(unsigned n) {
  while (n-- > 0) munmap(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), 4096);
}
static void page_fault(unsigned n) {
  char* const pages = mmap(NULL, n * 4096ul, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  for (unsigned i = 0; i < n; ++i) ((volatile char*)pages)[i * 4096ul] = 1;
  munmap(pages, n * 4096ul);
}

// sched_yield with nobody to yield to.
static void yield_alone(unsigned n) {
  while (n-- > 0) sched_yield();
}

// Two that yield to each other on one CPU. A fair scheduler may let the same one go on, and does so at first:
// it owes nothing to a thread that is new. So this waits until they do take turns, and divides by the
// switches there were.
static unsigned long own_switches(void) {
  struct rusage usage;
  getrusage(RUSAGE_THREAD, &usage);
  return (unsigned long)usage.ru_nvcsw + (unsigned long)usage.ru_nivcsw;
}
static _Atomic int yields_end;
static _Atomic unsigned other_yields;
static void* yields(void* unused) {
  while (!yields_end) {
    ++other_yields;
    sched_yield();
  }
  return unused;
}
static void yield_switch(const char* name, unsigned n) {
  pthread_t other;
  yields_end = 0, other_yields = 0;
  pthread_create(&other, NULL, yields, NULL);
  while (other_yields < n) sched_yield();
  const unsigned long switches_before = own_switches();
  const uint64_t before = now();
  for (unsigned left = n; left > 0; --left) sched_yield();
  const uint64_t took = now() - before;
  const unsigned long switches = 2 * (own_switches() - switches_before); // away from this one, and back
  yields_end = 1;
  pthread_join(other, NULL);
  say(name, switches == 0 ? 0 : took / switches);
}
// Among FIFO threads of one priority each yield is a switch.
static void yield_switch_fifo(const char* name, unsigned n) {
  const struct sched_param fifo = {.sched_priority = 10}, normal = {.sched_priority = 0};
  sched_setscheduler(0, SCHED_FIFO, &fifo); // the thread it creates inherits that
  yield_switch(name, n);
  sched_setscheduler(0, SCHED_OTHER, &normal);
}

static void pipe_switch(unsigned n) {
  int there[2], back[2];
  char byte = 0;
  if (pipe(there) != 0 || pipe(back) != 0) exit(1);
  const pid_t child = fork();
  if (child == 0) {
    for (unsigned i = 0; i < n / 2; ++i)
      if (read(there[0], &byte, 1) != 1 || write(back[1], &byte, 1) != 1) _exit(1);
    _exit(0);
  }
  for (unsigned i = 0; i < n / 2; ++i)
    if (write(there[1], &byte, 1) != 1 || read(back[0], &byte, 1) != 1) exit(1);
  waitpid(child, NULL, 0);
  for (int i = 0; i < 2; ++i) close(there[i]), close(back[i]);
}

static _Atomic uint32_t turn;
static void take_turns(uint32_t mine, unsigned n) {
  for (; n > 0; --n) {
    while (turn != mine) syscall(SYS_futex, &turn, FUTEX_WAIT_PRIVATE, 1 - mine, NULL, NULL, 0);
    turn = 1 - mine;
    syscall(SYS_futex, &turn, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
  }
}
static void* second(void* n) {
  take_turns(1, (unsigned)(uintptr_t)n);
  return NULL;
}
static void futex_switch(unsigned n) {
  turn = 0;
  pthread_t other;
  pthread_create(&other, NULL, second, (void*)(uintptr_t)(n / 2));
  take_turns(0, n / 2);
  pthread_join(other, NULL);
}

static void* nothing(void* unused) { return unused; }
static void thread_create_join(unsigned n) {
  pthread_t thread;
  for (; n > 0; --n) pthread_create(&thread, NULL, nothing, NULL), pthread_join(thread, NULL);
}
static void fork_exit_wait(unsigned n) {
  for (; n > 0; --n) {
    const pid_t child = fork();
    if (child == 0) _exit(0);
    waitpid(child, NULL, 0);
  }
}
static void fork_exec_wait(unsigned n) {
  for (; n > 0; --n) {
    const pid_t child = vfork();
    if (child == 0) {
      execl(own_path, own_path, "exit", (char*)NULL);
      _exit(1);
    }
    int status = 1;
    if (waitpid(child, &status, 0) != child || status != 0) exit(1);
  }
}

// As hackbench does it: groups of processes that send each other messages of 100 bytes; cost of a message,
// all CPUs.
static void messages(unsigned n) {
  enum { kPairs = 10, kSize = 100 };
  static char text[kSize];
  pid_t children[2 * kPairs];
  for (int i = 0; i < kPairs; ++i) {
    int ends[2];
    if (pipe(ends) != 0) exit(1);
    for (int side = 0; side < 2; ++side) {
      if ((children[2 * i + side] = fork()) != 0) continue;
      close(ends[1 - side]);
      for (unsigned left = n / kPairs; left > 0; --left)
        if ((side == 0 ? read(ends[0], text, kSize) : write(ends[1], text, kSize)) != kSize) _exit(1);
      _exit(0);
    }
    close(ends[0]), close(ends[1]);
  }
  for (int i = 0; i < 2 * kPairs; ++i) {
    int status = 1;
    if (waitpid(children[i], &status, 0) < 0 || status != 0) exit(1);
  }
}

// As cyclictest does it: how late a FIFO thread is that sleeps to the next millisecond, while another one
// spins.
static volatile int stop;
static void* spins(void* unused) {
  while (!stop) {
#ifdef __x86_64__
    __builtin_ia32_pause();
#else
    __asm__ volatile("yield");
#endif
  }
  return unused;
}
static void cyclic(void) {
  pthread_t load;
  pthread_create(&load, NULL, spins, NULL);
  const struct sched_param urgent = {.sched_priority = 80};
  sched_setscheduler(0, SCHED_FIFO, &urgent);
  uint64_t worst = 0, sum = 0, due = now() + 1000000;
  for (int i = 0; i < 200; ++i, due += 1000000) {
    const struct timespec until = {.tv_sec = (time_t)(due / 1000000000), .tv_nsec = (long)(due % 1000000000)};
    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);
    const uint64_t late = now() - due;
    sum += late;
    if (late > worst) worst = late;
  }
  const struct sched_param normal = {.sched_priority = 0};
  sched_setscheduler(0, SCHED_OTHER, &normal);
  stop = 1;
  pthread_join(load, NULL);
  say("cyclic_wakeup_mean", sum / 200);
  say("cyclic_wakeup_max", worst);
}

static void open_console(void) {
  mkdir("/dev", 0755);
  mount("devtmpfs", "/dev", "devtmpfs", 0, NULL);
  const int console = open("/dev/console", O_RDWR);
  for (int fd = 0; fd < 3 && console >= 0; ++fd) dup2(console, fd);
}

int main(int argc, char** argv) {
  if (argc > 1 && strcmp(argv[1], "exit") == 0) return 0;
  const uint64_t begin = now();
  own_path = argv[0];
  if (getpid() == 1) open_console();
  setvbuf(stdout, NULL, _IOLBF, 0);
  say("boot_to_main", begin);
  pin(0);
  measure("null_call", 2000, null_call);
  measure("getcpu", 2000, get_cpu);
  measure("clock_gettime", 2000, read_clock);
  measure("signal_to_self", 500, signal_to_self);
  measure("mmap_munmap", 500, map_and_unmap);
  measure("page_fault", 500, page_fault);
  measure("yield_alone", 2000, yield_alone);
  yield_switch("switch_yield", 2000);
  yield_switch_fifo("switch_yield_fifo", 2000);
  measure("switch_pipe", 1000, pipe_switch);
  measure("switch_futex", 1000, futex_switch);
  measure("thread_create_join", 100, thread_create_join);
  measure("fork_exit_wait", 50, fork_exit_wait);
  measure("fork_exec_exit_wait", 20, fork_exec_wait);
  measure("message", 2000, messages);
  cyclic();
  printf("# bench end 0 0\n");
  if (getpid() == 1) {
    sync();
    reboot(LINUX_REBOOT_CMD_POWER_OFF);
    for (;;) pause();
  }
  return 0;
}
