// SPDX-License-Identifier: Apache-2.0
// Torture by construction: critical sections that are interrupted at each of their instructions, once by a
// signal, once by a preemption, once by a migration. Time advances by one nanosecond an instruction in
// deterministic mode, so that an interrupter that comes a nanosecond later each time meets all of them. Each
// time the section has either committed or been aborted: never both, never neither. Elsewhere the interrupter
// comes at any place, and the same is checked.
#include "tests/user/rseq.h"

#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <time.h>

enum { kSections = 2, kStepsAhead = 400 };
/* Instructions of each section, from the first to the committing store: the least number of aborts of a
 * sweep. */
#if defined(__x86_64__)
static const int kInstructions[kSections] = {5, 7};
#else
static const int kInstructions[kSections] = {6, 8};
#endif

struct per_cpu {
  volatile uint64_t count; // committed
  volatile uint64_t record[2];
} __attribute__((aligned(64)));
static struct per_cpu data[64];
static volatile struct rseq_area area __attribute__((aligned(64)));

#if defined(__x86_64__)
#define SECTION_BEGIN                                                                                        \
  ".pushsection .data.rseq_cs, \"aw\"\n\t.balign 32\n3: .long 0, 0\n\t.quad 1f, 2f - 1f, "                   \
  "4f\n\t.popsection\n\t"                                                                                    \
  "leaq 3b(%%rip), %%rax\n\tmovq %%rax, 8(%[area])\n"                                                        \
  "1: cmpl %[cpu], 4(%[area])\n\tjne %l[moved]\n\t"
#define SECTION_END                                                                                          \
  "2:\n\t.pushsection .text.rseq_abort, \"ax\"\n\t.byte 0x0f, 0xb9, 0x3d\n\t.long 0x53053053\n"              \
  "4: jmp %l[aborted]\n\t.popsection"
#define CLOBBERS "rax", "memory", "cc"
#define INCREMENT "movq (%[to]), %%rax\n\tincq %%rax\n\tmovq %%rax, (%[to])\n"
#define RECORD                                                                                               \
  "movq (%[from]), %%rax\n\tmovq %%rax, 8(%[to])\n\tmovq 8(%[from]), %%rax\n\tmovq %%rax, 16(%[to])\n\t"     \
  "movq %[next], (%[to])\n"
#else
#define SECTION_BEGIN                                                                                        \
  ".pushsection .data.rseq_cs, \"aw\"\n\t.balign 32\n3: .long 0, 0\n\t.quad 1f, 2f - 1f, "                   \
  "4f\n\t.popsection\n\t"                                                                                    \
  "adrp x9, 3b\n\tadd x9, x9, :lo12:3b\n\tstr x9, [%[area], #8]\n"                                           \
  "1: ldr w9, [%[area], #4]\n\tcmp w9, %w[cpu]\n\tb.ne %l[moved]\n\t"
#define SECTION_END                                                                                          \
  "2:\n\t.pushsection .text.rseq_abort, \"ax\"\n\t.inst 0xd428bc00\n4: b %l[aborted]\n\t.popsection"
#define CLOBBERS "x9", "memory", "cc"
#define INCREMENT "ldr x9, [%[to]]\n\tadd x9, x9, #1\n\tstr x9, [%[to]]\n"
#define RECORD                                                                                               \
  "ldr x9, [%[from]]\n\tstr x9, [%[to], #8]\n\tldr x9, [%[from], #8]\n\tstr x9, [%[to], #16]\n\t"            \
  "str %[next], [%[to]]\n"
#endif

/* 1: committed. 0: aborted. -1: on another CPU than it began. */
static int increment(uint32_t cpu, struct per_cpu* to, const uint64_t* from, uint64_t next) {
  (void)from;
  (void)next;
  __asm__ volatile goto(SECTION_BEGIN INCREMENT SECTION_END
                        :
                        : [area] "r"(&area), [cpu] "r"(cpu), [to] "r"(to)
                        : CLOBBERS
                        : moved, aborted);
  return 1;
moved:
  return -1;
aborted:
  return 0;
}
/* Two words copied, then the count that makes them valid. */
static int record(uint32_t cpu, struct per_cpu* to, const uint64_t* from, uint64_t next) {
  __asm__ volatile goto(SECTION_BEGIN RECORD SECTION_END
                        :
                        : [area] "r"(&area), [cpu] "r"(cpu), [to] "r"(to), [from] "r"(from), [next] "r"(next)
                        : CLOBBERS
                        : moved, aborted);
  return 1;
moved:
  return -1;
aborted:
  return 0;
}
typedef int (*section_fn)(uint32_t cpu, struct per_cpu* to, const uint64_t* from, uint64_t next);
static const section_fn sections[kSections] = {increment, record};

static volatile int interrupted;
static uint64_t commits, aborts, moves, wrong;
static volatile uint64_t pool[64]; // what each CPU's count has to be

/* Until the interrupter has come, and a little longer. */
static void run_sections(int which) {
  for (int after = 3; after > 0; after -= interrupted) {
    const uint32_t cpu = area.cpu_id_start;
    const uint64_t before = pool[cpu];
    const uint64_t from[2] = {before * 3, before * 5};
    const int outcome = sections[which](cpu, &data[cpu], from, before + 1);
    const uint64_t expected = before + (outcome == 1);
    if (data[cpu].count != expected || (outcome == 0 && area.rseq_cs != 0)) ++wrong;
    if (outcome == 1 && which == 1 && (data[cpu].record[0] != from[0] || data[cpu].record[1] != from[1]))
      ++wrong;
    pool[cpu] = data[cpu].count;
    ++*(outcome == 1 ? &commits : outcome == 0 ? &aborts : &moves);
  }
}

static struct timespec in_future(uint64_t ns) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  ns += (uint64_t)t.tv_nsec;
  t.tv_sec += (time_t)(ns / 1000000000);
  t.tv_nsec = (long)(ns % 1000000000);
  return t;
}

static timer_t timer;
static void on_signal(int sig) {
  (void)sig;
  interrupted = 1;
}
static void arm_signal(unsigned delay) {
  const struct itimerspec at = {.it_value = in_future(delay)};
  timer_settime(timer, TIMER_ABSTIME, &at, NULL);
}

/* Of higher priority on the victim's CPU. It comes at the time that was said, and takes the victim elsewhere.
 */
static sem_t ask;
static unsigned wanted_delay;
static int victim, migrates, over;
static void* interrupter(void* unused) {
  (void)unused;
  for (;;) {
    while (sem_wait(&ask) != 0) {
    }
    if (over) return NULL;
    const struct timespec at = in_future(wanted_delay);
    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL);
    if (migrates) {
      cpu_set_t other;
      CPU_ZERO(&other);
      CPU_SET(1, &other);
      sched_setaffinity(victim, sizeof other, &other);
    }
    interrupted = 1;
  }
}
static void arm_thread(unsigned delay) {
  wanted_delay = delay;
  sem_post(&ask);
}

static int sweep(int which, void (*arm)(unsigned delay)) {
  aborts = 0;
  for (unsigned step = 0; step < kStepsAhead; ++step) {
    run_on(0);
    interrupted = 0;
    arm(20000 + step);
    run_sections(which);
  }
  return getenv("RSEQ_EXACT") == NULL || aborts >= (uint64_t)kInstructions[which];
}

int main(void) {
  plan(8);
  run_on(0);
  check(own_register(&area));
  struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1};
  signal(SIGUSR1, on_signal);
  check(timer_create(CLOCK_MONOTONIC, &event, &timer) == 0);
  int all = 1;
  for (int which = 0; which < kSections; ++which) all &= sweep(which, arm_signal);
  check_named(all, "signals abort at each instruction");

  victim = (int)syscall(SYS_gettid);
  pthread_t thread;
  pthread_attr_t attr;
  const struct sched_param param = {.sched_priority = 10};
  sem_init(&ask, 0, 0);
  pthread_attr_init(&attr);
  pthread_attr_setinheritsched(&attr, PTHREAD_EXPLICIT_SCHED);
  pthread_attr_setschedpolicy(&attr, SCHED_FIFO);
  pthread_attr_setschedparam(&attr, &param);
  check(pthread_create(&thread, &attr, interrupter, NULL) == 0);
  all = 1;
  for (int which = 0; which < kSections; ++which) all &= sweep(which, arm_thread);
  check_named(all, "preemptions abort at each instruction");

  migrates = sysconf(_SC_NPROCESSORS_ONLN) > 1;
  all = 1;
  for (int which = 0; which < kSections; ++which) all &= sweep(which, arm_thread);
  check_named(all, "migrations abort at each instruction");
  over = 1;
  sem_post(&ask);
  pthread_join(thread, NULL);
  check_named(commits > 0 && wrong == 0,
              "each section has committed or was aborted, never both, never neither");
  check(rseq_statistic("clear") + rseq_statistic("fixup") <= rseq_statistic("cs"));
  if (getenv("RSEQ_EXACT") != NULL || !ktap_is_quiet())
    printf("# %llu commits, %llu aborts in the last sweep, %llu moves\n", (unsigned long long)commits,
           (unsigned long long)aborts, (unsigned long long)moves);
  return finished();
}
