// SPDX-License-Identifier: Apache-2.0
// Who owns the concurrency ids, as far as programs can tell: nobody else is at work with a thread's number,
// CPUs keep theirs while they own them, and the owners change no more often than they must. Properties D2,
// D4, D6, D9, D18, D23, D25, D29 of rseq_mm_cid; with the argument "unplug" threads that go on while their
// CPUs go and come back (D33). Debug images check the rest at each switch and after each change.
#include "tests/user/burn.h"
#include "tests/user/rseq_section.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/wait.h>

enum { kMost = 64 };
static unsigned cpus;
static atomic_int over, wrong, arrived;

static volatile struct rseq_area* mine(void) { return libc_area(); }
static unsigned next_random(unsigned* seed) { return (*seed = *seed * 1664525 + 1013904223) >> 16; }
static void widen(void) {
  cpu_set_t all;
  CPU_ZERO(&all);
  for (unsigned c = 0; c < cpus; ++c) CPU_SET(c, &all);
  sched_setaffinity(0, sizeof all, &all);
}
static long long flips(void) { return rseq_statistic("cid_flips"); }

/* The number of threads at which the CPUs take the numbers over, all CPUs being allowed. */
static unsigned too_many(void) { return cpus + 1; }

/* A cell for each number: in a section on the number nobody else touches it. */
static struct cell {
  volatile uint64_t owner;
} __attribute__((aligned(64))) cells[kMost];
/* Writes `me` to the cell, and looks again some time later: *found is what is there then. */
static int own_cell(uint32_t cid, struct cell* cell, uint64_t me, uint64_t* found) {
#if defined(__x86_64__)
  __asm__ volatile goto(
      SECTION_BEGIN_AT("24") "movq %[me], (%[to])\n\t" DELAY("400") "movq (%[to]), %%rax\n\t"
                                                                    "movq %%rax, (%[found])\n" SECTION_END
#else
  __asm__ volatile goto(
      SECTION_BEGIN_AT("24") "str %[me], [%[to]]\n\t" DELAY("400") "ldr x9, [%[to]]\n\t"
                                                                   "str x9, [%[found]]\n" SECTION_END
#endif
      :
      : [area] "r"(mine()), [cpu] "r"(cid), [to] "r"(cell), [me] "r"(me), [found] "r"(found)
      : CLOBBERS
      : moved, aborted);
  return 1;
moved:
  return -1;
aborted:
  return 0;
}
static atomic_ulong went_through;
static void* use_cells(void* argument) {
  const uint64_t me = (uint64_t)(uintptr_t)argument;
  unsigned seed = (unsigned)me;
  for (int i = 0; i < 300; ++i) {
    const uint32_t cid = mine()->mm_cid;
    uint64_t found = 0;
    if (cid >= cpus) {
      ++wrong;
      continue;
    }
    if (own_cell(cid, &cells[cid], me, &found) == 1) {
      ++went_through;
      wrong += found != me;
    }
    if (i % 32 == 0) run_on(next_random(&seed) % cpus);
    if (i % 8 == 0) usleep(20);
  }
  return NULL;
}
static void cells_have_one_owner(void) {
  for (int round = 0; round < 2; ++round) { // the threads own the numbers, then the CPUs
    pthread_t threads[kMost];
    const unsigned count = round == 0 ? cpus : 2 * cpus + 2;
    for (uintptr_t i = 1; i < count; ++i) pthread_create(&threads[i], NULL, use_cells, (void*)i);
    use_cells((void*)(uintptr_t)99);
    for (unsigned i = 1; i < count; ++i) pthread_join(threads[i], NULL);
  }
  check_named(went_through > 0 && wrong == 0, "in a section on a number nobody else has it");
  widen();
}

static void alone(void) {
  unsigned seed = 3, others = mine()->mm_cid;
  for (int i = 0; i < 2000; ++i) {
    run_on(next_random(&seed) % cpus);
    others |= mine()->mm_cid;
  }
  widen();
  check_named(others == 0, "the only thread has number 0 wherever it goes");
}

/* More threads than CPUs: each CPU has its number, whoever runs on it, and whatever was idle or of the kernel
 * between. */
static atomic_int steady, of_cpu[kMost]; // number + 1, 0: not known yet
static void* note_number(void* unused) {
  (void)unused;
  ++arrived;
  while (!over) {
    // Nothing may come between the looks at the two.
    const uint32_t cpu = mine()->cpu_id;
    const uint32_t cid = mine()->mm_cid;
    if (mine()->cpu_id == cpu && mine()->mm_cid == cid && steady) {
      int known = 0;
      // A thread that is moved away and back in between has seen another CPU's number: it looks again.
      if (!atomic_compare_exchange_strong(&of_cpu[cpu], &known, (int)cid + 1) && known != (int)cid + 1 &&
          mine()->cpu_id == cpu && mine()->mm_cid == cid)
        ++wrong;
    }
    sched_yield();
    if (cid % 2 == 0) usleep(30); // its CPU is idle now and then
  }
  return NULL;
}
static void cpus_keep_theirs(void) {
  pthread_t threads[kMost];
  const unsigned count = 2 * cpus + 2;
  over = arrived = wrong = 0;
  for (unsigned i = 0; i < count; ++i) pthread_create(&threads[i], NULL, note_number, NULL);
  while (arrived < (int)count) usleep(100);
  usleep(2000); // each CPU has switched since then
  steady = 1;
  usleep(20000);
  over = 1;
  for (unsigned i = 0; i < count; ++i) pthread_join(threads[i], NULL);
  int known = 0;
  for (unsigned c = 0; c < cpus; ++c) known += of_cpu[c] != 0;
  check_named(known > 0 && wrong == 0, "a CPU that owns a number keeps it");
}

/* Threads that wait until they are told to go. */
static atomic_int may_go;
static void* wait_here(void* number) {
  ++arrived;
  while (may_go <= (int)(uintptr_t)number && !over) usleep(200);
  return NULL;
}
static void start(pthread_t* thread, unsigned number) {
  const int before = arrived;
  pthread_create(thread, NULL, wait_here, (void*)(uintptr_t)number);
  while (arrived == before) usleep(50);
}
static void around_the_limit(void) {
  pthread_t threads[kMost + 32];
  over = arrived = may_go = 0;
  const long long before = flips();
  unsigned made = 0, gone = 0;
  while (made + 1 < too_many() - 1) start(&threads[made], made), ++made;
  check_named(flips() == before, "as many threads as CPUs: they own the numbers");
  start(&threads[made], made), ++made;
  check_named(flips() == before + 1, "one more: the CPUs own them");
  for (int i = 0; i < 20; ++i) {
    may_go = (int)++gone;
    pthread_join(threads[gone - 1], NULL);
    start(&threads[made], made), ++made;
  }
  check_named(flips() == before + 1, "one less and one more, many times: they still do");
  over = 1;
  for (; gone < made; ++gone) pthread_join(threads[gone], NULL);
  // Of four CPUs and more: below half of them the threads get them back; a smaller machine keeps them.
  check_named(flips() == before + (cpus >= 4 ? 2 : 1), "few threads: they own the numbers again");
}

/* In a process of its own: of a mask that gets smaller the numbers do not become fewer. */
static int narrowed(void) {
  pthread_t threads[kMost];
  over = arrived = may_go = 0;
  run_on(0); // and all threads from here on
  const long long before = flips();
  unsigned made = 0;
  while (made + 1 < too_many() - 1) start(&threads[made], made), ++made;
  const int kept = flips() == before;
  start(&threads[made], made), ++made;
  const int changed = flips() == before + 1;
  over = 1;
  for (unsigned i = 0; i < made; ++i) pthread_join(threads[i], NULL);
  return kept && changed ? 0 : 1;
}

/* A thread that is in user mode all the time while the others become too many and go again, the first one at
 * last. */
static atomic_int first_is_gone;
static void* stay_in_user_mode(void* unused) {
  (void)unused;
  run_on(1);
  ++arrived;
  while (!first_is_gone) burn();
  for (int i = 0; i < 2000; ++i) burn(); // the first one ends meanwhile
  exit(mine()->mm_cid < cpus ? 0 : 1);
}
static int last_one_out(void) {
  pthread_t staying, threads[kMost];
  over = arrived = may_go = 0;
  run_on(0);
  pthread_create(&staying, NULL, stay_in_user_mode, NULL);
  while (arrived == 0) usleep(50);
  for (unsigned i = 0; i < too_many(); ++i) start(&threads[i], i);
  over = 1;
  for (unsigned i = 0; i < too_many(); ++i) pthread_join(threads[i], NULL);
  first_is_gone = 1;
  pthread_exit(NULL);
}

/* Execs that fail, again and again, while the number of threads goes up and down around the limit. */
static void* fail_to_exec(void* unused) {
  char* const argv[] = {(char*)"none", NULL};
  uintptr_t bad = 0;
  (void)unused;
  ++arrived;
  while (!over) {
    const unsigned before = mine()->mm_cid;
    bad += execv("/none", argv) != -1 || execv("/proc/self/status", argv) != -1;
    bad += before >= cpus || mine()->mm_cid >= cpus;
    usleep(20); // all of the rest is in the kernel: the other CPUs are to have their turns
  }
  return (void*)bad;
}
static void failing_execs(void) {
  pthread_t failing[2], threads[kMost];
  uintptr_t bad = 0;
  over = arrived = may_go = 0;
  const long long before = flips();
  for (int i = 0; i < 2; ++i) pthread_create(&failing[i], NULL, fail_to_exec, NULL);
  for (int round = 0; round < 5; ++round) {
    may_go = 0;
    for (unsigned i = 0; i < cpus; ++i) start(&threads[i], i);
    may_go = kMost;
    for (unsigned i = 0; i < cpus; ++i) pthread_join(threads[i], NULL);
  }
  over = 1;
  for (int i = 0; i < 2; ++i) {
    void* more = NULL;
    pthread_join(failing[i], &more);
    bad += (uintptr_t)more;
  }
  check_named(bad == 0 && (cpus < 4 || flips() > before), "execs that fail while the owners change");
}

static int of_child(int (*body)(void)) {
  const pid_t pid = fork();
  int status = -1;
  if (pid == 0) exit(body());
  waitpid(pid, &status, 0);
  return status;
}

/* CPUs go and come back meanwhile, which the kernel's own test sees to. */
static void* go_on(void* argument) {
  unsigned seed = (unsigned)(uintptr_t)argument;
  for (int i = 0; i < 400; ++i) {
    if (mine()->mm_cid >= cpus || mine()->cpu_id >= cpus) ++wrong;
    for (int n = 0; n < 3; ++n) burn();
    if (next_random(&seed) % 4 == 0) run_on(next_random(&seed) % cpus); // may be refused
    if (next_random(&seed) % 2 == 0) usleep(100);
    widen();
  }
  use_cells(argument);
  return NULL;
}
static int unplugged(void) {
  pthread_t threads[kMost];
  const unsigned count = 2 * cpus;
  for (uintptr_t i = 0; i < count; ++i) pthread_create(&threads[i], NULL, go_on, (void*)(i + 1));
  for (unsigned i = 0; i < count; ++i) pthread_join(threads[i], NULL);
  return wrong == 0 ? 0 : 1;
}

int main(int argc, char** argv) {
  cpus = (unsigned)sysconf(_SC_NPROCESSORS_CONF);
  if (argc > 1 && strcmp(argv[1], "unplug") == 0) return unplugged();
  plan(10);
  alone();
  around_the_limit();
  cells_have_one_owner();
  cpus_keep_theirs();
  check_named(of_child(narrowed) == 0, "a mask that gets smaller takes no numbers away");
  check_named(cpus < 2 || of_child(last_one_out) == 0,
              "who was in user mode all the time ends as the last one");
  failing_execs();
  return finished();
}
