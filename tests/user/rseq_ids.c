// SPDX-License-Identifier: Apache-2.0
// The ids in user memory: stored when they change and only then, right wherever the thread is sent and by
// whom, and not touched by a thread that ends. Properties E4, E8, E10, E11 of rseq_mm_cid; with the argument
// "counters" only what has to come out the same however slow the way to user mode is (E6), with "classes"
// threads of all scheduling classes (D34).
#include "tests/user/burn.h"
#include "tests/user/rseq_section.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/wait.h>

static volatile struct rseq_area area __attribute__((aligned(64)));
static unsigned cpus;

static void widen_thread(int tid) {
  cpu_set_t all;
  CPU_ZERO(&all);
  for (unsigned c = 0; c < cpus; ++c) CPU_SET(c, &all);
  sched_setaffinity(tid, sizeof all, &all);
}
static void send_to(int tid, unsigned cpu) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(cpu, &set);
  sched_setaffinity(tid, sizeof set, &set);
}
static unsigned next_random(unsigned* seed) { return (*seed = *seed * 1664525 + 1013904223) >> 16; }

/* What `action` adds to the counters. */
static struct cost {
  long long fast, ids, sections;
} cost_of(void (*action)(void)) {
  const struct cost before = {rseq_statistic("fastpath"), rseq_statistic("ids"), rseq_statistic("cs")};
  action();
  return (struct cost){rseq_statistic("fastpath") - before.fast, rseq_statistic("ids") - before.ids,
                       rseq_statistic("cs") - before.sections};
}
static void sleep_a_little(void) { usleep(200); }
static void move(void) { run_on(here() == 0 ? 1 : 0); }
static void make_child(void) {
  const pid_t pid = fork();
  if (pid == 0) _exit(0);
  waitpid(pid, NULL, 0);
}
static void optimised(void) {
  int free_sleeps = 0;
  for (int i = 0; i < 10; ++i) {
    const struct cost cost = cost_of(sleep_a_little);
    // In between a kernel thread may have come while this one was in user mode: a switch to look at, but no
    // new ids.
    free_sleeps += cost.fast == 0 && cost.ids == 0 && cost.sections == 0;
  }
  check_named(free_sleeps >= 5, "to sleep and to wake up on the same CPU costs nothing");
  int moves = 0, children = 0;
  for (int i = 0; i < 10; ++i) {
    moves += cpus < 2 || cost_of(move).ids == 1;
    children += cost_of(make_child).ids == 1;
  }
  check_named(moves == 10, "a move stores the ids once");
  check_named(children == 10, "a new task's first run stores the ids once");
  run_on(0);
}
static void legacy(void) {
  check(sys_rseq(&area, 64, kRseqUnregister, RSEQ_SIG) == 0 && sys_rseq(&area, 32, 0, RSEQ_SIG) == 0);
  int stored = 0;
  for (int i = 0; i < 10; ++i) stored += cost_of(sleep_a_little).ids >= 1;
  check_named(stored == 10, "version 1 has its ids stored after each switch");
  check(sys_rseq(&area, 32, kRseqUnregister, RSEQ_SIG) == 0 && sys_rseq(&area, 64, 0, RSEQ_SIG) == 0);
}

/* Threads that count in sections while another one sends them about. */
static struct per_cpu {
  volatile uint64_t count;
} __attribute__((aligned(64))) counts[64];
static int increment(volatile struct rseq_area* mine, uint32_t cpu, struct per_cpu* to) {
#if defined(__x86_64__)
  __asm__ volatile goto(
      SECTION_BEGIN "movq (%[to]), %%rax\n\t" DELAY("500") "incq %%rax\n\tmovq %%rax, (%[to])\n" SECTION_END
#else
  __asm__ volatile goto(SECTION_BEGIN
                        "ldr x9, [%[to]]\n\t" DELAY("500") "add x9, x9, #1\n\tstr x9, [%[to]]\n" SECTION_END
#endif
      :
      : [area] "r"(mine), [cpu] "r"(cpu), [to] "r"(&to->count)
      : CLOBBERS
      : moved, aborted);
  return 1;
moved:
  return -1;
aborted:
  return 0;
}
enum { kCounters = 3 };
static struct counter {
  volatile struct rseq_area area __attribute__((aligned(64)));
  pthread_t thread;
  atomic_int tid;
  atomic_uint sent; // odd: it is being sent elsewhere
  uint64_t commits, looks, wrong;
} counters[kCounters];
static atomic_int over;
static void* count(void* argument) {
  struct counter* const self = argument;
  libc_unregister(); // that is a legacy one; where the first thread has given it up there is none
  if (run_on(0) != 0 || sys_rseq(&self->area, 64, 0, RSEQ_SIG) != 0) ++self->wrong;
  self->tid = (int)syscall(SYS_gettid);
  while (!over) {
    const unsigned before = self->sent;
    const uint32_t first = self->area.cpu_id, cpu = here(), second = self->area.cpu_id_start;
    if (before % 2 == 0 && self->sent == before) {
      ++self->looks;
      self->wrong += first != cpu || second != cpu;
    }
    const uint32_t begun = self->area.cpu_id_start;
    self->commits += increment(&self->area, begun, &counts[begun]) == 1;
  }
  sys_rseq(&self->area, 64, kRseqUnregister, RSEQ_SIG);
  return NULL;
}
static void sent_about(void) {
  uint64_t commits = 0, counted = 0, looks = 0, wrong = 0;
  unsigned seed = 1;
  over = 0;
  for (int i = 0; i < kCounters; ++i) pthread_create(&counters[i].thread, NULL, count, &counters[i]);
  for (int i = 0; i < kCounters; ++i)
    while (counters[i].tid == 0) usleep(100);
  for (int i = 0; i < 300; ++i) {
    struct counter* const victim = &counters[next_random(&seed) % kCounters];
    ++victim->sent;
    send_to(victim->tid, next_random(&seed) % cpus); // it is there when this is back
    ++victim->sent;
    if (i % 4 == 0) usleep(50 + next_random(&seed) % 200);
  }
  over = 1;
  for (int i = 0; i < kCounters; ++i) {
    pthread_join(counters[i].thread, NULL);
    commits += counters[i].commits;
    looks += counters[i].looks;
    wrong += counters[i].wrong;
  }
  for (unsigned c = 0; c < cpus; ++c) counted += counts[c].count;
  check_named(looks > 0 && wrong == 0, "cpu_id is the CPU, whoever sends the thread about");
  check_named(commits > 0 && counted == commits, "sections on one CPU exclude each other");
}

/* Threads of every class, which the scheduler moves by all its ways: pinning, pushes and pulls, balancing.
   There is no extensible class. A debug kernel compares the ids with the CPU on each way to user mode. */
struct attributes {
  uint32_t size, policy;
  uint64_t flags;
  int32_t nice;
  uint32_t priority;
  uint64_t runtime, deadline, period;
};
static void* be_of_class(void* argument) {
  volatile struct rseq_area* const mine = libc_area();
  unsigned seed = (unsigned)(uintptr_t)argument + 1;
  const uint32_t policies[] = {0 /* other */, 1 /* FIFO */, 2 /* RR */,
                               3 /* batch */, 5 /* idle */, 6 /* deadline */};
  uintptr_t wrong = 0;
  for (int i = 0; i < 60; ++i) {
    const uint32_t policy = policies[next_random(&seed) % 6];
    const int real_time = policy == 1 || policy == 2;
    const struct attributes attributes = {.size = sizeof attributes,
                                          .policy = policy,
                                          .priority = real_time ? 1 + next_random(&seed) % 5 : 0,
                                          .runtime = policy == 6 ? 200000 : 0,
                                          .deadline = policy == 6 ? 4000000 : 0,
                                          .period = policy == 6 ? 4000000 : 0};
    if (policy == 6) widen_thread(0); // else it is refused
    syscall(SYS_sched_setattr, 0, &attributes, 0);
    if (policy != 6 && next_random(&seed) % 2 == 0) {
      const unsigned cpu = next_random(&seed) % cpus;
      wrong += run_on(cpu) == 0 && (mine->cpu_id != cpu || here() != cpu);
    } else if (policy != 6) {
      widen_thread(0);
    }
    for (int n = 0; n < 5; ++n) burn();
    usleep(next_random(&seed) % 100);
    wrong += mine->cpu_id >= cpus || mine->mm_cid >= cpus;
  }
  return (void*)wrong;
}
static void all_classes(void) {
  enum { kThreads = 6 };
  pthread_t threads[kThreads];
  uintptr_t wrong = 0;
  widen_thread(0);
  for (uintptr_t i = 0; i < kThreads; ++i) pthread_create(&threads[i], NULL, be_of_class, (void*)i);
  for (int i = 0; i < kThreads; ++i) {
    void* more = NULL;
    pthread_join(threads[i], &more);
    wrong += (uintptr_t)more;
  }
  check_named(wrong == 0, "after each change of class and CPU the ids are right");
}

/* Who ends does not store anything any more: the area may belong to somebody else by then. */
static int killed_asleep(uint32_t length) {
  volatile struct rseq_area* const shared =
      mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  const pid_t pid = fork();
  if (pid == 0) {
    if (sys_rseq(&area, 64, kRseqUnregister, RSEQ_SIG) != 0 || sys_rseq(shared, length, 0, RSEQ_SIG) != 0)
      _exit(1);
    shared->rest[8] = 1;
    for (;;) pause();
  }
  while (shared->rest[8] == 0) usleep(100);
  usleep(1000); // it is asleep
  const unsigned there = shared->cpu_id;
  if (length == 32) shared->cpu_id = 77;          // would be rewritten
  if (cpus > 1) send_to(pid, there == 0 ? 1 : 0); // and this is another id
  kill(pid, SIGKILL);
  int status = 0;
  waitpid(pid, &status, 0);
  const int same = shared->cpu_id == (length == 32 ? 77 : there) && shared->cpu_id_start == there;
  munmap((void*)shared, 4096);
  return same && WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
}
static int sleep_with_area(void* page) {
  if (sys_rseq(page, 64, 0, RSEQ_SIG) != 0) _exit(1);
  ((volatile struct rseq_area*)page)->rest[8] = 1;
  for (;;) pause();
}
/* A page that is not there any more when the thread is told to end: it shares its memory with this process.
 */
static int area_gone(void) {
  static char stack[65536] __attribute__((aligned(16)));
  char* const page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  const pid_t pid = clone(sleep_with_area, stack + sizeof stack, CLONE_VM | SIGCHLD, page);
  while (((volatile struct rseq_area*)page)->rest[8] == 0) usleep(100);
  usleep(1000);
  munmap(page, 4096);
  const long long slow = rseq_statistic("slowpath");
  if (cpus > 1) send_to(pid, 1);
  kill(pid, SIGKILL);
  int status = 0;
  waitpid(pid, &status, 0);
  return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL && rseq_statistic("slowpath") == slow;
}
static void endings(void) {
  check_named(killed_asleep(64), "who is killed stores no ids");
  check_named(killed_asleep(32), "nor with version 1");
  check_named(area_gone(), "who ends does not look for an area that is gone");
}

int main(int argc, char** argv) {
  cpus = (unsigned)sysconf(_SC_NPROCESSORS_ONLN);
  if (argc > 1) {
    const int counting = strcmp(argv[1], "counters") == 0;
    plan(counting ? 2 : 1);
    if (counting)
      sent_about();
    else
      all_classes();
    return finished();
  }
  plan(12);
  run_on(0);
  check(own_register(&area));
  optimised();
  legacy();
  sent_about();
  endings();
  return finished();
}
