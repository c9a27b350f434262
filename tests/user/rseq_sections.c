// SPDX-License-Identifier: Apache-2.0
// Critical sections that are preempted, interrupted by signals and by membarrier, and descriptors that cannot
// be meant. Properties A3, A12, A13, C1, C2, C4, C5 to C9, C11, C12, C15, C18, C19, E3, E4, E8 of
// rseq_mm_cid.
#include "tests/user/burn.h"
#include "tests/user/rseq.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>

static volatile struct rseq_area area __attribute__((aligned(64)));
static volatile uint64_t result;
static atomic_int signals_taken;
static const uint64_t kLong = 4000000; // turns: many ticks

static void on_signal(int sig) {
  (void)sig;
  ++signals_taken;
}
static void signal_in(unsigned us) {
  const struct itimerval soon = {.it_value = {.tv_usec = us}};
  signal(SIGALRM, on_signal);
  setitimer(ITIMER_REAL, &soon, NULL);
}
static void two_signals_in(unsigned us) {
  struct sigevent event = {.sigev_notify = SIGEV_SIGNAL};
  struct itimerspec at = {0};
  timer_t timers[2];
  clock_gettime(CLOCK_MONOTONIC, &at.it_value);
  at.it_value.tv_nsec += us * 1000;
  at.it_value.tv_sec += at.it_value.tv_nsec / 1000000000;
  at.it_value.tv_nsec %= 1000000000;
  for (int i = 0; i < 2; ++i) {
    event.sigev_signo = i == 0 ? SIGUSR1 : SIGUSR2;
    signal(event.sigev_signo, on_signal);
    timer_create(CLOCK_MONOTONIC, &event, &timers[i]);
    timer_settime(timers[i], TIMER_ABSTIME, &at, NULL);
  }
}
static int in_child(int (*body)(int), int argument) {
  const pid_t pid = fork();
  int status = -1;
  if (pid == 0) _exit(body(argument));
  waitpid(pid, &status, 0);
  return status;
}
static int succeeds(int status) { return WIFEXITED(status) && WEXITSTATUS(status) == 0; }
static int dies_of_segv(int status) { return WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV; }

/* Two threads on one CPU: each preemption aborts, and what was aborted has stored nothing. */
static struct contender {
  volatile struct rseq_area area __attribute__((aligned(64)));
  volatile uint64_t stored;
  uint64_t commits, wrong;
  volatile uint64_t aborts;
} both[2];
static int both_were_aborted(void) { return both[0].aborts >= 10 && both[1].aborts >= 10; }
static void* contend(void* argument) {
  struct contender* self = argument;
  if (sys_rseq(&self->area, 64, 0, RSEQ_SIG) != 0) return NULL;
  while (!both_were_aborted()) { // who went away earlier would leave the other one alone, never preempted
    const uint64_t before = self->stored;
    switch (rseq_store_after(&self->area, self->area.cpu_id_start, 10000, &self->stored, before + 1)) {
    case 1:
      ++self->commits;
      self->wrong += self->stored != before + 1;
      break;
    case 0:
      ++self->aborts;
      self->wrong += self->stored != before || self->area.rseq_cs != 0;
    }
  }
  sys_rseq(&self->area, 64, kRseqUnregister, RSEQ_SIG);
  return self;
}
static void preempted(void) {
  pthread_t threads[2];
  void* done[2] = {NULL, NULL};
  for (int i = 0; i < 2; ++i) pthread_create(&threads[i], NULL, contend, &both[i]);
  for (int i = 0; i < 2; ++i) pthread_join(threads[i], &done[i]);
  check(done[0] != NULL && done[1] != NULL);
  check(both[0].commits > 0 && both[1].commits > 0);
  check_named(both[0].wrong == 0 && both[1].wrong == 0, "a section that was aborted has stored nothing");
  int whole = 0;
  for (int i = 0; i < 20 && whole == 0; ++i)
    whole = rseq_store_after(&area, area.cpu_id_start, kLong, &result, 1) == 1;
  check_named(whole, "ticks without a switch do not abort");
}

/* A section that turns until it is aborted, all registers holding one pattern: what of it is not there
 * afterwards. */
static uint64_t lost_registers(void) {
  uint64_t lost;
  signals_taken = 0;
  signal_in(500);
#if defined(__x86_64__)
  __asm__ volatile(".pushsection .data.rseq_cs, \"aw\"\n\t"
                   ".balign 32\n"
                   "3: .long 0, 0\n\t"
                   ".quad 1f, 2f - 1f, 4f\n\t"
                   ".popsection\n\t"
                   "movabsq $0x5ca1ab1e0ddba115, %%rax\n\t"
                   ".irp r, rbx, rcx, rsi, rdi, r8, r9, r10, r11, r12, r13, r14, r15\n\t"
                   "movq %%rax, %%\\r\n\t"
                   ".endr\n\t"
                   "leaq 3b(%%rip), %%rax\n\t"
                   "movq %%rax, 8(%[area])\n"
                   "1: pause\n\t" // seldom: tests/user/burn.h
                   ".rept 2000\n\t nop\n\t .endr\n\t"
                   "jmp 1b\n"
                   "2:\n\t"
                   ".pushsection .text.rseq_abort, \"ax\"\n\t"
                   ".byte 0x0f, 0xb9, 0x3d\n\t"
                   ".long 0x53053053\n"
                   "4: jmp 6f\n\t"
                   ".popsection\n"
                   "6: leaq 3b(%%rip), %[area]\n\t"
                   "xorq %%rax, %[area]\n\t" // rax as well
                   "movabsq $0x5ca1ab1e0ddba115, %%rax\n\t"
                   ".irp r, rbx, rcx, rsi, rdi, r8, r9, r10, r11, r12, r13, r14, r15\n\t"
                   "xorq %%rax, %%\\r\n\t"
                   "orq %%\\r, %[area]\n\t"
                   ".endr\n\t"
                   "movq %[area], %%rax"
                   : "=a"(lost)
                   : [area] "d"(&area)
                   : "rbx", "rcx", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15",
                     "memory", "cc");
#else
  register volatile void* at __asm__("x1") = &area;
  register uint64_t result_of_all __asm__("x0");
  __asm__ volatile(
      ".pushsection .data.rseq_cs, \"aw\"\n\t"
      ".balign 32\n"
      "3: .long 0, 0\n\t"
      ".quad 1f, 2f - 1f, 4f\n\t"
      ".popsection\n\t"
      "adrp x0, 3b\n\t"
      "add x0, x0, :lo12:3b\n\t"
      "mov x2, #0xa115\n\t"
      "movk x2, #0xab1e, lsl #32\n\t"
      ".irp n, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 20, 21, 22, 23, 24, 25, 26, 27, 28\n\t"
      "mov x\\n, x2\n\t"
      ".endr\n\t"
      "str x0, [%[area], #8]\n"
      "1: yield\n\t" // seldom: tests/user/burn.h
      ".rept 2000\n\t nop\n\t .endr\n\t"
      "b 1b\n"
      "2:\n\t"
      ".pushsection .text.rseq_abort, \"ax\"\n\t"
      ".inst 0xd428bc00\n"
      "4: b 6f\n\t"
      ".popsection\n"
      "6: mov x0, #0xa115\n\t"
      "movk x0, #0xab1e, lsl #32\n\t"
      "eor x1, x0, x2\n\t"
      ".irp n, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 20, 21, 22, 23, 24, 25, 26, 27, 28\n\t"
      "eor x\\n, x\\n, x0\n\t"
      "orr x1, x1, x\\n\n\t"
      ".endr\n\t"
      "mov x0, x1"
      : "=r"(result_of_all), [area] "+r"(at)
      :
      : "x2", "x3", "x4", "x5", "x6", "x7", "x8", "x9", "x10", "x11", "x12", "x13", "x14", "x15", "x16",
        "x17", "x20", "x21", "x22", "x23", "x24", "x25", "x26", "x27", "x28", "memory", "cc");
  lost = result_of_all;
#endif
  return lost;
}

/* Sections that fault: after the handler the thread is in its abort handler, so that whatever class of
   exception it was, it counted as one that came from user mode. 1: aborted. */
#if defined(__x86_64__)
#define FAULTING_SECTION(name, instruction)                                                                  \
  static int name(void) {                                                                                    \
    __asm__ volatile goto(                                                                                   \
        ".pushsection .data.rseq_cs, \"aw\"\n\t.balign 32\n3: .long 0, 0\n\t.quad 1f, 2f - 1f, "             \
        "4f\n\t.popsection\n\t"                                                                              \
        "leaq 3b(%%rip), %%rax\n\tmovq %%rax, 8(%[area])\n"                                                  \
        "1: " instruction "\n2:\n\t"                                                                         \
        ".pushsection .text.rseq_abort, \"ax\"\n\t.byte 0x0f, 0xb9, 0x3d\n\t.long 0x53053053\n"              \
        "4: jmp %l[aborted]\n\t.popsection"                                                                  \
        :                                                                                                    \
        : [area] "r"(&area)                                                                                  \
        : "rax", "rcx", "rdx", "memory", "cc"                                                                \
        : aborted);                                                                                          \
    return 0;                                                                                                \
  aborted:                                                                                                   \
    return 1;                                                                                                \
  }
FAULTING_SECTION(undefined, "ud2")
FAULTING_SECTION(breakpoint, "int3\n\tnop") // a trap: it is past the instruction
FAULTING_SECTION(unmapped, "movq 16, %%rax")
FAULTING_SECTION(not_canonical, "movabsq $0x8000000000000000, %%rax\n\tmovq (%%rax), %%rax")
FAULTING_SECTION(division, "xorl %%ecx, %%ecx\n\tdivl %%ecx")
#else
#define FAULTING_SECTION(name, instruction)                                                                  \
  static int name(void) {                                                                                    \
    __asm__ volatile goto(                                                                                   \
        ".pushsection .data.rseq_cs, \"aw\"\n\t.balign 32\n3: .long 0, 0\n\t.quad 1f, 2f - 1f, "             \
        "4f\n\t.popsection\n\t"                                                                              \
        "adrp x9, 3b\n\tadd x9, x9, :lo12:3b\n\tstr x9, [%[area], #8]\n"                                     \
        "1: " instruction "\n2:\n\t"                                                                         \
        ".pushsection .text.rseq_abort, \"ax\"\n\t.inst 0xd428bc00\n4: b %l[aborted]\n\t.popsection"         \
        :                                                                                                    \
        : [area] "r"(&area)                                                                                  \
        : "x9", "x10", "memory", "cc"                                                                        \
        : aborted);                                                                                          \
    return 0;                                                                                                \
  aborted:                                                                                                   \
    return 1;                                                                                                \
  }
FAULTING_SECTION(undefined, ".inst 0")
FAULTING_SECTION(breakpoint, "brk #1")
FAULTING_SECTION(unmapped, "mov x9, #16\n\tldr x9, [x9]")
FAULTING_SECTION(not_canonical, "mov x9, #0x8000000000000000\n\tldr x9, [x9]")
FAULTING_SECTION(division, "mrs x9, sctlr_el1") // a trapped system register; there is no fault of division
#endif
static void faulting(void) {
  int (*const sections[])(void) = {undefined, breakpoint, unmapped, not_canonical, division};
  const int signals[] = {SIGILL, SIGTRAP, SIGSEGV, SIGBUS, SIGFPE};
  for (unsigned i = 0; i < sizeof signals / sizeof signals[0]; ++i) signal(signals[i], on_signal);
  for (unsigned i = 0; i < sizeof sections / sizeof sections[0]; ++i) {
    signals_taken = 0;
    const int aborted = sections[i]();
    check_named(aborted && signals_taken == 1, "a fault in a section aborts it");
  }
  for (unsigned i = 0; i < sizeof signals / sizeof signals[0]; ++i) signal(signals[i], SIG_DFL);
}

/* A section until `arm` has signals sent. Whoever else preempts it comes before them: then once more. The
 * aborts that were counted, 0: it was not aborted by the signals. */
static long long aborts_by(void (*arm)(unsigned), int signals) {
  for (int tries = 0; tries < 5; ++tries) {
    const long long before = rseq_statistic("fixup");
    signals_taken = 0;
    arm(500);
    const int outcome = rseq_store_after(&area, area.cpu_id_start, kLong, &result, 5);
    const int taken = signals_taken;
    if (taken != 0) return outcome == 0 && taken == signals ? rseq_statistic("fixup") - before : 0;
    while (signals_taken < signals) burn_here();
  }
  return 0;
}
static int keeps_all_registers(void) {
  for (int tries = 0; tries < 5; ++tries) {
    const uint64_t lost = lost_registers();
    const int taken = signals_taken;
    if (lost != 0) return 0;
    if (taken == 1) return 1;
    while (signals_taken == 0) burn_here();
  }
  return 0;
}

static void interrupted_by_signals(void) {
  result = 0;
  check(aborts_by(signal_in, 1) == 1);
  check(result == 0 && area.rseq_cs == 0);
  check_named(aborts_by(two_signals_in, 2) == 1, "two signals at once: one abort, both handlers");
  check_named(rseq_store_after(&area, area.cpu_id_start, 1, &result, 9) == 1 && result == 9,
              "the next one goes through");
  check_named(keeps_all_registers(), "an abort leaves all registers as they were");
  // A section of no length, wherever the thread is.
  static struct rseq_section nothing = {.start_ip = 0, .post_commit_offset = 0, .abort_ip = 1};
  signals_taken = 0;
  area.rseq_cs = (uint64_t)&nothing;
  signal_in(500);
  while (signals_taken == 0) burn_here();
  check_named(area.rseq_cs == 0, "who is outside a section goes on, and the pointer to it is cleared");
}

/* What is wrong with the descriptor; the thread is within it, wherever it is. */
enum wrong {
  kSignature,
  kSignatureHandled,
  kAbortZero,
  kAbortThree,
  kAbortKernel,
  kPointerKernel,
  kPointerUnmapped
};
static void handle_segv(int sig) {
  (void)sig;
  _exit(7);
}
static int corrupt(int wrong) {
  static struct rseq_section everywhere = {.start_ip = 4096, .post_commit_offset = 1ul << 46};
  signals_taken = 0;
  if (wrong == kSignatureHandled) signal(SIGSEGV, handle_segv);
  everywhere.abort_ip = wrong == kAbortZero     ? 0
                        : wrong == kAbortThree  ? 3
                        : wrong == kAbortKernel ? 0xffff800000000000
                                                : (uint64_t)&corrupt;
  area.rseq_cs = wrong == kPointerKernel     ? 0xffff800000000000
                 : wrong == kPointerUnmapped ? 0x1000
                                             : (uint64_t)&everywhere;
  signal_in(500);
  for (int i = 0; i < 100000 && signals_taken == 0; ++i) burn_here();
  return 1;
}
static int lazy_descriptor(int unused) {
  (void)unused;
  void* const page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  signals_taken = 0;
  area.rseq_cs = (uint64_t)page; // never touched: all zeros once it is there
  signal_in(500);
  while (signals_taken == 0) burn_here();
  return area.rseq_cs == 0 ? 0 : 1;
}
static int of_another_version(int unused) {
  (void)unused;
  static struct rseq_section odd = {
      .version = 1, .flags = 1, .start_ip = 16, .post_commit_offset = 1, .abort_ip = 99};
  signals_taken = 0;
  area.rseq_cs = (uint64_t)&odd;
  signal_in(500);
  while (signals_taken == 0) burn_here();
  return area.rseq_cs == 0 ? 0 : 1;
}
static int call_within(int unused) {
  (void)unused;
  static struct rseq_section everywhere = {.start_ip = 4096, .post_commit_offset = 1ul << 46, .abort_ip = 3};
  area.rseq_cs = (uint64_t)&everywhere;
  for (int i = 0; i < 3; ++i) syscall(SYS_getppid);
  area.rseq_cs = 0;
  return 0;
}
static void descriptors(void) {
  for (int wrong = kSignature; wrong <= kPointerUnmapped; ++wrong)
    check_named(dies_of_segv(in_child(corrupt, wrong)), "a corrupt descriptor: SIGSEGV");
  check(succeeds(in_child(lazy_descriptor, 0)));
  check(succeeds(in_child(of_another_version, 0)));
  check(succeeds(in_child(call_within, 0)));
}

/* Fields that are the kernel's. */
static int overwrite(int field) {
  volatile uint32_t* const words[] = {&area.cpu_id_start, &area.cpu_id, &area.node_id, &area.mm_cid};
  const unsigned cpu = here();
  *words[field] = 77;
  syscall(SYS_getppid);
  if (*words[field] != 77) return 1; // nothing changed: nobody looks
  run_on(cpu == 0 ? 1 : 0);
  return 2;
}
static int overwrite_legacy(int unused) {
  (void)unused;
  if (sys_rseq(&area, 64, kRseqUnregister, RSEQ_SIG) != 0 || sys_rseq(&area, 32, 0, RSEQ_SIG) != 0) return 1;
  area.cpu_id_start = area.cpu_id = area.node_id = area.mm_cid = 77;
  run_on(here() == 0 ? 1 : 0);
  return area.cpu_id == here() && area.cpu_id_start == here() && area.node_id == 0 && area.mm_cid == 0 ? 0
                                                                                                       : 2;
}
/* Version 1 stores after each switch: also into a page that has gone. */
static int vanished_area(int unused) {
  (void)unused;
  char* const page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  volatile struct rseq_area* const a = (volatile struct rseq_area*)page;
  if (sys_rseq(&area, 64, kRseqUnregister, RSEQ_SIG) != 0 || sys_rseq(page, 32, 0, RSEQ_SIG) != 0) return 1;
  const long long slow = rseq_statistic("slowpath");
  madvise(page, 4096, MADV_DONTNEED);
  usleep(1000);
  return a->cpu_id == here() && rseq_statistic("slowpath") > slow ? 0 : 2;
}
static void fields(void) {
  cpu_set_t all;
  sched_getaffinity(0, sizeof all, &all);
  const int several = sysconf(_SC_NPROCESSORS_ONLN) > 1;
  for (int field = 0; field < 4; ++field)
    check_named(!several || dies_of_segv(in_child(overwrite, field)),
                "a field of the kernel's was written: SIGSEGV");
  check_named(!several || succeeds(in_child(overwrite_legacy, 0)), "version 1 tolerates it");
  check(succeeds(in_child(vanished_area, 0)));
}

static atomic_int ready, outcome;
static void* spin_in_section(void* unused) {
  static volatile struct rseq_area mine __attribute__((aligned(64)));
  (void)unused;
  run_on(1);
  sys_rseq(&mine, 64, 0, RSEQ_SIG);
  ready = 1;
  outcome = rseq_store_after(&mine, 1, 1ul << 40, &result, 1);
  sys_rseq(&mine, 64, kRseqUnregister, RSEQ_SIG);
  return NULL;
}
static int barrier_aborts(unsigned flags) {
  pthread_t thread;
  ready = 0;
  outcome = 5;
  pthread_create(&thread, NULL, spin_in_section, NULL);
  while (ready == 0) burn_here();
  usleep(1000);
  const int spins = outcome == 5;
  const int elsewhere = flags == 0 || (syscall(SYS_membarrier, 1 << 7, flags, 0) == 0 && outcome == 5);
  const int called = syscall(SYS_membarrier, 1 << 7, flags, 1) == 0;
  pthread_join(thread, NULL);
  return spins && elsewhere && called && outcome == 0;
}
static void membarriers(void) {
  check_errno(syscall(SYS_membarrier, 1 << 7, 0, 0), EPERM);
  check(syscall(SYS_membarrier, 1 << 8, 0, 0) == 0);
  check_errno(syscall(SYS_membarrier, 1 << 7, 2, 0), EINVAL);
  check((syscall(SYS_membarrier, 0, 0, 0) & (3 << 7)) == 3 << 7);
  if (sysconf(_SC_NPROCESSORS_ONLN) < 2) {
    check(syscall(SYS_membarrier, 1 << 7, 0, 0) == 0);
    check(syscall(SYS_membarrier, 1 << 7, 1, 5) == 0);
    return;
  }
  // Whoever preempts it meanwhile aborts it, too: then once more.
  check(barrier_aborts(0) || barrier_aborts(0) || barrier_aborts(0));
  check(barrier_aborts(1) || barrier_aborts(1) || barrier_aborts(1));
}

/* Version 2 does nothing for calls that do not switch, nor for a sleep that ends where it began. */
static void costs_nothing(void) {
  run_on(0);
  const long long ids = rseq_statistic("ids"), sections = rseq_statistic("cs");
  for (int i = 0; i < 1000; ++i) syscall(SYS_getppid);
  for (int i = 0; i < 10; ++i) usleep(100);
  const long long more = rseq_statistic("ids") - ids;
  check_named(more == 0, "no id is stored for who stays where it is");
  check(rseq_statistic("cs") == sections);
  check(rseq_statistic("clear") + rseq_statistic("fixup") <= rseq_statistic("cs"));
  check(rseq_statistic("fastpath") <= rseq_statistic("exit"));
}

int main(void) {
  plan(42);
  run_on(0);
  check(own_register(&area));
  preempted();
  interrupted_by_signals();
  faulting();
  descriptors();
  fields();
  membarriers();
  costs_nothing();
  return finished();
}
