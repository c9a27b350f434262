// SPDX-License-Identifier: Apache-2.0
// Workloads of a fixed number of operations, for `runnel bench rseq`:
//   rseq_bench churn|sections|calls|costs unregistered|legacy|optimised
// churn: short processes, as a build has them. sections: per-CPU counters of many threads, with yields and
// signals. calls: system calls that do nothing. costs: prints what one call and one switch take, in
// nanoseconds, which in deterministic mode are instructions.
#include "tests/user/rseq.h"

#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>

enum { kProcesses = 60, kThreads = 12, kIncrements = 2000, kCalls = 50000, kYields = 4000 };
static enum { kUnregistered, kLegacy, kOptimised } how;
static const char* how_name;
static __thread volatile struct rseq_area own __attribute__((aligned(64)));
static __thread volatile struct rseq_area* area;

static void enrol(void) {
  area = libc_area();
  if (how == kLegacy) return;
  if ((int)area->cpu_id >= 0) libc_unregister();
  if (how == kOptimised) sys_rseq(&own, 64, 0, RSEQ_SIG);
  area = &own;
}
/* The C library registers a new thread only when its creator is registered with it. */
static void enrol_thread(void) {
  if (how == kOptimised) sys_rseq(&own, 64, 0, RSEQ_SIG);
  area = how == kLegacy ? libc_area() : &own;
}

static int short_process(void) {
  char* const memory = mmap(NULL, 64 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  unsigned long sum = 0;
  for (int page = 0; page < 64; ++page) memory[page * 4096] = (char)page;
  for (int i = 0; i < 200000; ++i) sum += (unsigned long)i * sum + 1;
  return write(1, "", 0) == 0 && sum != 0 ? 0 : 1;
}
static void ignore(int sig) { (void)sig; }
static int churn(void) {
  int bad = 0;
  signal(SIGCHLD, ignore);
  for (int i = 0; i < kProcesses; ++i) {
    int ends[2], status = -1;
    char byte;
    if (pipe(ends) != 0) return 1;
    const pid_t pid = fork();
    if (pid == 0) {
      char* const argv[] = {(char*)"rseq_bench", (char*)"short", (char*)how_name, NULL};
      char* const envp[] = {NULL};
      execve("/proc/self/exe", argv, envp);
      _exit(9);
    }
    close(ends[1]);
    while (read(ends[0], &byte, 1) == -1) {
    }
    close(ends[0]);
    while (waitpid(pid, &status, 0) == -1) {
    }
    bad += status != 0;
  }
  return bad;
}

static struct {
  volatile uint64_t count;
} __attribute__((aligned(64))) counters[64];
static void* increment(void* unused) {
  (void)unused;
  enrol_thread();
  for (int i = 0; i < kIncrements;) {
    const uint32_t cpu = area->cpu_id_start;
    i += rseq_store_after(area, cpu, 50, &counters[cpu].count, (uint64_t)i) == 1;
    if (i % 16 == 0) sched_yield();
    if (i % 64 == 0) raise(SIGUSR1);
  }
  return NULL;
}
static int run_sections(void) {
  pthread_t threads[kThreads];
  signal(SIGUSR1, ignore);
  for (int i = 0; i < kThreads; ++i) pthread_create(&threads[i], NULL, increment, NULL);
  for (int i = 0; i < kThreads; ++i) pthread_join(threads[i], NULL);
  return 0;
}

static int calls(void) {
  for (int i = 0; i < kCalls; ++i) syscall(SYS_getppid);
  return 0;
}

static uint64_t now_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}
static sem_t over;
static void* sleep_long(void* unused) {
  (void)unused;
  while (sem_wait(&over) != 0) {
  }
  return NULL;
}
static void* yield_often(void* unused) {
  (void)unused;
  enrol_thread();
  for (int i = 0; i < kYields; ++i) sched_yield();
  return NULL;
}
/* One switch between two threads of `users`. */
static uint64_t cost_of_switch(int users) {
  pthread_t sleepers[64], other;
  for (int i = 0; i < users - 2; ++i) pthread_create(&sleepers[i], NULL, sleep_long, NULL);
  run_on(0);
  pthread_create(&other, NULL, yield_often, NULL);
  const uint64_t start = now_ns();
  for (int i = 0; i < kYields; ++i) sched_yield();
  const uint64_t took = now_ns() - start;
  pthread_join(other, NULL);
  for (int i = 0; i < users - 2; ++i) sem_post(&over);
  for (int i = 0; i < users - 2; ++i) pthread_join(sleepers[i], NULL);
  return took / (2 * kYields);
}
static int costs(void) {
  const int cpus = (int)sysconf(_SC_NPROCESSORS_CONF);
  sem_init(&over, 0, 0);
  uint64_t start = now_ns();
  calls();
  printf("# bench %s_system_call %llu instructions\n", how_name,
         (unsigned long long)(now_ns() - start) / kCalls);
  for (int users = cpus > 2 ? cpus : 2; users <= cpus + 1; ++users)
    printf("# bench %s_switch_%s %llu instructions\n", how_name,
           users > cpus ? "numbers_of_the_cpus" : "numbers_of_the_threads",
           (unsigned long long)cost_of_switch(users));
  return 0;
}

int main(int argc, char** argv) {
  if (argc < 3) return 2;
  how_name = argv[2];
  how = strcmp(argv[2], "optimised") == 0 ? kOptimised
        : strcmp(argv[2], "legacy") == 0  ? kLegacy
                                          : kUnregistered;
  enrol();
  if (strcmp(argv[1], "short") == 0) return short_process();
  if (strcmp(argv[1], "churn") == 0) return churn();
  if (strcmp(argv[1], "sections") == 0) return run_sections();
  if (strcmp(argv[1], "calls") == 0) return calls();
  return costs();
}
