// SPDX-License-Identifier: Apache-2.0
// Torture by construction: critical sections that are interrupted at each of their instructions, once by a
// signal, once by a preemption, once by a migration: counters, copies that a store makes valid, lists, locks.
// Time advances by one nanosecond an instruction in deterministic mode, so that an interrupter that comes a
// nanosecond later each time meets all of them. Each time the section has either committed or been aborted:
// never both, never neither. Elsewhere the interrupter comes at any place, and the same is checked.
#include "tests/user/rseq_section.h"

#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <time.h>

/* Counters, records copied before the store that makes them valid, lists, locks. */
enum shape { kIncrement, kRecord, kPush, kPop, kLock, kShapes };
enum { kStepsAhead = 1000, kNops = 256 };
/* Instructions of each section, from the first to the committing store: the least number of aborts of a
 * sweep. */
#if defined(__x86_64__)
static const int kInstructions[kShapes] = {5, 7, 5, 5, 5};
#else
static const int kInstructions[kShapes] = {6, 8, 6, 6, 6};
#endif

struct node {
  struct node* volatile next;
};
struct per_cpu {
  volatile uint64_t count; // committed
  volatile uint64_t record[2];
  struct node* volatile head;
  volatile uint64_t lock;
} __attribute__((aligned(64)));
static struct per_cpu data[64];
static volatile struct rseq_area area __attribute__((aligned(64)));

#if defined(__x86_64__)
#define INCREMENT "movq (%[to]), %%rax\n\tincq %%rax\n\tmovq %%rax, (%[to])\n"
#define RECORD                                                                                               \
  "movq (%[from]), %%rax\n\tmovq %%rax, 8(%[to])\n\tmovq 8(%[from]), %%rax\n\tmovq %%rax, 16(%[to])\n\t"     \
  "movq %[next], (%[to])\n"
#define PUSH "movq 24(%[to]), %%rax\n\tmovq %%rax, (%[from])\n\tmovq %[from], 24(%[to])\n"
#define POP "movq 24(%[to]), %%rax\n\tmovq (%%rax), %%rax\n\tmovq %%rax, 24(%[to])\n"
#define LOCK "cmpq $0, 32(%[to])\n\tjne %l[moved]\n\tmovq %[next], 32(%[to])\n"
#else
#define INCREMENT "ldr x9, [%[to]]\n\tadd x9, x9, #1\n\tstr x9, [%[to]]\n"
#define RECORD                                                                                               \
  "ldr x9, [%[from]]\n\tstr x9, [%[to], #8]\n\tldr x9, [%[from], #8]\n\tstr x9, [%[to], #16]\n\t"            \
  "str %[next], [%[to]]\n"
#define PUSH "ldr x9, [%[to], #24]\n\tstr x9, [%[from]]\n\tstr %[from], [%[to], #24]\n"
#define POP "ldr x9, [%[to], #24]\n\tldr x9, [x9]\n\tstr x9, [%[to], #24]\n"
#define LOCK "ldr x9, [%[to], #32]\n\tcbnz x9, %l[moved]\n\tstr %[next], [%[to], #32]\n"
#endif

/* 1: committed. 0: aborted. -1: on another CPU than it began. */
#define SECTION(name, body)                                                                                  \
  static int name(uint32_t cpu, struct per_cpu* to, const void* from, uint64_t next) {                       \
    __asm__ volatile goto(                                                                                   \
        SECTION_BEGIN body SECTION_END                                                                       \
        :                                                                                                    \
        : [area] "r"(&area), [cpu] "r"(cpu), [to] "r"(to), [from] "r"(from), [next] "r"(next)                \
        : CLOBBERS                                                                                           \
        : moved, aborted);                                                                                   \
    return 1;                                                                                                \
  moved:                                                                                                     \
    return -1;                                                                                               \
  aborted:                                                                                                   \
    return 0;                                                                                                \
  }
SECTION(increment, INCREMENT)
SECTION(record, RECORD) // two words copied, then the count that makes them valid
SECTION(push, PUSH)
SECTION(pop, POP)
SECTION(lock, LOCK)
typedef int (*section_fn)(uint32_t cpu, struct per_cpu* to, const void* from, uint64_t next);
static const section_fn sections[kShapes] = {increment, record, push, pop, lock};

static volatile int interrupted;
static uint64_t commits, aborts, moves, wrong;
static volatile uint64_t pool[64]; // what each CPU's count has to be

/* One section, on data of which only this thread knows: what it must have done, and nothing else. */
static int run_section(enum shape shape, uint32_t cpu) {
  static struct node nodes[2];
  struct per_cpu* const to = &data[cpu];
  const uint64_t before = pool[cpu], words[2] = {before * 3, before * 5};
  struct node* const first = before % 2 == 0 ? NULL : &nodes[1]; // an empty list, too
  const void* from = words;
  if (shape == kPush) {
    from = &nodes[0];
    to->head = first;
  } else if (shape == kPop) {
    nodes[0].next = first;
    to->head = &nodes[0];
  }
  const int outcome = sections[shape](cpu, to, from, before + 1), done = outcome == 1;
  const int counts = shape == kIncrement || shape == kRecord;
  int right = to->count == before + (counts && done);
  if (shape == kRecord && done) right &= to->record[0] == words[0] && to->record[1] == words[1];
  if (shape == kPush) right &= to->head == (done ? &nodes[0] : first) && (!done || nodes[0].next == first);
  if (shape == kPop) right &= to->head == (done ? first : &nodes[0]);
  if (shape == kLock) right &= to->lock == (done ? before + 1 : 0);
  to->lock = 0;
  if (outcome == 0 && area.rseq_cs != 0) right = 0;
  if (!counts && done) ++to->count; // so that the next one differs
  pool[cpu] = to->count;
  wrong += !right;
  return outcome;
}

/* So many instructions, fewer than kNops. */
static void execute(uint64_t nops) {
#if defined(__x86_64__)
  __asm__ volatile(
      "leaq 1f(%%rip), %%rax\n\tsubq %[nops], %%rax\n\tjmp *%%rax\n\t.rept 256\n\tnop\n\t.endr\n1:"
      :
      : [nops] "r"(nops)
      : "rax");
#else
  __asm__ volatile("adr x9, 1f\n\tsub x9, x9, %[nops], lsl #2\n\tbr x9\n\t.rept 256\n\tnop\n\t.endr\n1:"
                   :
                   : [nops] "r"(nops)
                   : "x9");
#endif
}

/* Until the interrupter has come, and a little longer. */
static void run_sections(enum shape shape) {
  for (int after = 3; after > 0; after -= interrupted) {
    const int outcome = run_section(shape, area.cpu_id_start);
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

static int sweep(enum shape shape, void (*arm)(unsigned delay)) {
  aborts = 0;
  for (unsigned step = 0; step < kStepsAhead; ++step) {
    run_on(0);
    interrupted = 0;
    // Between the two an instruction more each time; a clock may be coarser than an instruction.
    arm(20000 + 2 * step);
    execute(step % kNops);
    run_sections(shape);
  }
  return getenv("RSEQ_EXACT") == NULL || aborts >= (uint64_t)kInstructions[shape];
}

int main(void) {
  plan(8);
  run_on(0);
  check(own_register(&area));
  struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1};
  signal(SIGUSR1, on_signal);
  check(timer_create(CLOCK_MONOTONIC, &event, &timer) == 0);
  int all = 1;
  for (int shape = 0; shape < kShapes; ++shape) all &= sweep((enum shape)shape, arm_signal);
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
  for (int shape = 0; shape < kShapes; ++shape) all &= sweep((enum shape)shape, arm_thread);
  check_named(all, "preemptions abort at each instruction");

  migrates = sysconf(_SC_NPROCESSORS_ONLN) > 1;
  all = 1;
  for (int shape = 0; shape < kShapes; ++shape) all &= sweep((enum shape)shape, arm_thread);
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
