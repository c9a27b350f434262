// SPDX-License-Identifier: Apache-2.0
// Where a critical section begins and ends, and what may come within it: interrupts that switch nobody,
// faults that sleep and that do not, handlers that have sections of their own, run elsewhere or never come
// back. Properties C2, C3, C10, C13, C14, C16 of rseq_mm_cid.
#include "tests/user/burn.h"
#include "tests/user/rseq.h"

#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <time.h>
#include <ucontext.h>

static volatile struct rseq_area area __attribute__((aligned(64)));
static volatile uint64_t result;
static volatile int signals_taken;
static const uint64_t kLong = 400000; // turns: more than a millisecond

/* A section: armed, then `body` between its start and its end. 1: it went through. 0: aborted. */
#if defined(__x86_64__)
#define SECTION(name, body)                                                                                  \
  __attribute__((noinline)) static int name(volatile uint64_t* to) {                                         \
    __asm__ volatile goto(                                                                                   \
        ".pushsection .data.rseq_cs, \"aw\"\n\t.balign 32\n" #name "_section: .long 0, 0\n\t"                \
        ".quad 1f, 2f - 1f, 4f\n\t.popsection\n\t"                                                           \
        "leaq " #name "_section(%%rip), %%rax\n\tmovq %%rax, 8(%[area])\n"                                   \
        "1: " body "\n\t"                                                                                    \
        ".pushsection .text.rseq_abort, \"ax\"\n\t.byte 0x0f, 0xb9, 0x3d\n\t.long 0x53053053\n"              \
        "4: jmp %l[aborted]\n\t.popsection"                                                                  \
        :                                                                                                    \
        : [area] "r"(&area), [to] "r"(to)                                                                    \
        : "rax", "memory", "cc"                                                                              \
        : aborted);                                                                                          \
    return 1;                                                                                                \
  aborted:                                                                                                   \
    return 0;                                                                                                \
  }
SECTION(stays_at_start, "jmp 1b\n2:")
SECTION(stays_at_end, "nop\n2: jmp 2b")
SECTION(writes, "movq $9, (%[to])\n2:")
static greg_t* pc_of(ucontext_t* context) { return &context->uc_mcontext.gregs[REG_RIP]; }
enum { kJumpSize = 2 };
#else
#define SECTION(name, body)                                                                                  \
  __attribute__((noinline)) static int name(volatile uint64_t* to) {                                         \
    __asm__ volatile goto(                                                                                   \
        ".pushsection .data.rseq_cs, \"aw\"\n\t.balign 32\n" #name "_section: .long 0, 0\n\t"                \
        ".quad 1f, 2f - 1f, 4f\n\t.popsection\n\t"                                                           \
        "adrp x9, " #name "_section\n\tadd x9, x9, :lo12:" #name "_section\n\tstr x9, [%[area], #8]\n"       \
        "1: " body "\n\t"                                                                                    \
        ".pushsection .text.rseq_abort, \"ax\"\n\t.inst 0xd428bc00\n4: b %l[aborted]\n\t.popsection"         \
        :                                                                                                    \
        : [area] "r"(&area), [to] "r"(to)                                                                    \
        : "x9", "memory", "cc"                                                                               \
        : aborted);                                                                                          \
    return 1;                                                                                                \
  aborted:                                                                                                   \
    return 0;                                                                                                \
  }
SECTION(stays_at_start, "b 1b\n2:")
SECTION(stays_at_end, "nop\n2: b 2b")
SECTION(writes, "str x9, [%[to]]\n2:")
static unsigned long long* pc_of(ucontext_t* context) { return &context->uc_mcontext.pc; }
enum { kJumpSize = 4 };
#endif

static void handle(int sig, void (*handler)(int, siginfo_t*, void*), int flags) {
  struct sigaction action = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO | flags};
  sigaction(sig, &action, NULL);
}
static void repeat_signal(int sig, unsigned first_us, unsigned then_us) {
  static timer_t timers[65];
  static char made[65];
  struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = sig};
  const struct itimerspec at = {.it_value = {.tv_nsec = first_us * 1000},
                                .it_interval = {.tv_nsec = then_us * 1000}};
  if (!made[sig]) timer_create(CLOCK_MONOTONIC, &event, &timers[sig]);
  made[sig] = 1;
  timer_settime(timers[sig], 0, &at, NULL);
}
static long switches(void) {
  struct rusage usage;
  getrusage(RUSAGE_THREAD, &usage);
  return usage.ru_nvcsw + usage.ru_nivcsw;
}

/* The thread is at one instruction, which jumps to itself: the section's first, and the first behind it. */
static void step_over(int sig, siginfo_t* info, void* context) {
  (void)info;
  // Who was aborted goes on by itself. At the third signal nobody has been.
  if (sig == SIGUSR1 || ++signals_taken == 3) *pc_of(context) += kJumpSize;
}
static void first_and_last_instruction(void) {
  signals_taken = 0;
  handle(SIGALRM, step_over, 0);
  repeat_signal(SIGALRM, 500, 500);
  const int went_on = stays_at_start(NULL);
  repeat_signal(SIGALRM, 0, 0);
  check_named(!went_on && signals_taken == 1 && area.rseq_cs == 0, "at the first instruction: aborted");
  handle(SIGUSR1, step_over, 0);
  const long long fixups = rseq_statistic("fixup");
  repeat_signal(SIGUSR1, 500, 0);
  check_named(stays_at_end(NULL) && area.rseq_cs == 0 && rseq_statistic("fixup") == fixups,
              "behind the last one: not aborted, and the pointer is cleared");
}

/* An interrupt for sure, of a timer that wakes nobody, besides the ticks. */
static void interrupts_alone(void) {
  const int fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
  const struct itimerspec soon = {.it_value = {.tv_nsec = 100000}};
  int undisturbed = 0, wrong = 0;
  for (int i = 0; i < 50 && undisturbed < 5; ++i) {
    uint64_t expirations = 0;
    const long long fixups = rseq_statistic("fixup");
    timerfd_settime(fd, 0, &soon, NULL);
    const long before = switches();
    const int outcome = rseq_store_after(&area, area.cpu_id_start, kLong, &result, 1);
    if (switches() != before) continue; // a kernel thread had something to do
    const int interrupted = read(fd, &expirations, sizeof expirations) == sizeof expirations;
    wrong += outcome != 1 || rseq_statistic("fixup") != fixups;
    undisturbed += interrupted;
  }
  close(fd);
  check_named(undisturbed == 5 && wrong == 0, "interrupts without a switch do not abort");
}

/* A fault within a section: it aborts when it has slept, and only then. The address space's lock is what it
   sleeps for. */
static atomic_int over;
static void* change_mappings(void* unused) {
  (void)unused;
  while (!over) {
    void* const many =
        mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
    munmap(many, 1 << 20);
    relax();
  }
  return NULL;
}
static int kept_rule, broke_rule, slept;
static void fault_within(unsigned count) {
  const size_t size = (size_t)count << 12;
  char* const pages = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  for (unsigned i = 0; i < count; ++i) {
    const long before = switches();
    const int went_through = writes((volatile uint64_t*)(pages + ((size_t)i << 12)));
    const int switched = switches() != before;
    // Between the two looks at the number there is more than the section.
    if (switched) {
      slept += !went_through;
    } else {
      ++*(went_through ? &kept_rule : &broke_rule);
    }
  }
  munmap(pages, size);
}
static void faults(void) {
  pthread_t thread;
  fault_within(64);
  check_named(kept_rule >= 32 && broke_rule == 0, "a fault that does not sleep does not abort");
  if (sysconf(_SC_NPROCESSORS_ONLN) < 2) {
    check_named(1, "a fault that sleeps aborts # SKIP one CPU");
    return;
  }
  over = 0;
  run_on(1);
  pthread_create(&thread, NULL, change_mappings, NULL);
  run_on(0);
  const long before = slept;
  for (int i = 0; i < 40 && slept - before < 5; ++i) fault_within(16);
  over = 1;
  pthread_join(thread, NULL);
  check_named(slept - before >= 5 && broke_rule == 0, "a fault that sleeps aborts");
}

/* A handler with a section of its own, which is itself interrupted by another signal. */
static volatile int inner_through = -1, inner_aborted = -1;
static void on_inner(int sig, siginfo_t* info, void* context) {
  (void)sig;
  (void)info;
  (void)context;
  ++signals_taken;
}
static void on_outer(int sig, siginfo_t* info, void* context) {
  (void)sig;
  (void)info;
  (void)context;
  ++signals_taken;
  inner_through = rseq_store_after(&area, area.cpu_id_start, 1, &result, 7);
  repeat_signal(SIGUSR2, 500, 0);
  inner_aborted = rseq_store_after(&area, area.cpu_id_start, kLong * 10, &result, 8);
}
static void nested(void) {
  static volatile uint64_t outer_result;
  signals_taken = 0;
  handle(SIGUSR1, on_outer, 0);
  handle(SIGUSR2, on_inner, 0);
  repeat_signal(SIGUSR1, 500, 0);
  check(rseq_store_after(&area, area.cpu_id_start, kLong * 10, &outer_result, 3) == 0);
  check(outer_result == 0 && signals_taken == 2 && area.rseq_cs == 0);
  check_named(inner_through == 1 && result == 7, "the handler's own section goes through");
  check_named(inner_aborted == 0, "and is aborted by a signal of its own");
}

static char other_stack[65536] __attribute__((aligned(16)));
static volatile int was_there;
static void on_other_stack(int sig, siginfo_t* info, void* context) {
  (void)sig;
  (void)info;
  (void)context;
  const char* const here_is = __builtin_frame_address(0);
  was_there = here_is > other_stack && here_is < other_stack + sizeof other_stack;
}
static sigjmp_buf away;
static void on_jump(int sig, siginfo_t* info, void* context) {
  (void)sig;
  (void)info;
  (void)context;
  siglongjmp(away, 1);
}
static void other_ways_back(void) {
  const stack_t stack = {.ss_sp = other_stack, .ss_size = sizeof other_stack};
  sigaltstack(&stack, NULL);
  handle(SIGUSR1, on_other_stack, SA_ONSTACK);
  repeat_signal(SIGUSR1, 500, 0);
  result = 0;
  check_named(rseq_store_after(&area, area.cpu_id_start, kLong * 10, &result, 3) == 0 && was_there &&
                  result == 0 && area.rseq_cs == 0,
              "a signal on another stack aborts");
  handle(SIGUSR1, on_jump, 0);
  volatile int outcome = 5;
  if (sigsetjmp(away, 1) == 0) {
    repeat_signal(SIGUSR1, 500, 0);
    outcome = rseq_store_after(&area, area.cpu_id_start, kLong * 10, &result, 3);
  }
  check_named(outcome == 5 && result == 0 && area.rseq_cs == 0,
              "a handler that jumps away leaves no section behind");
  check_named(rseq_store_after(&area, area.cpu_id_start, 1, &result, 4) == 1 && result == 4,
              "and the next one goes through");
}

/* The signature is the last word of a page that nobody has touched: zeros. The abort handler begins the next
   page. */
#if defined(__x86_64__)
static const unsigned char to_handler[] = {0x48, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xe0};
enum { kTargetAt = 2 };
#else
static const uint32_t to_handler[] = {0x58000049, 0xd61f0120, 0, 0}; // ldr x9, .+8; br x9
enum { kTargetAt = 8 };
#endif
extern struct rseq_section stays_at_start_section;
static char* handler_pages(void) {
  char* const pages =
      mmap(NULL, 8192, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  const uint64_t target = stays_at_start_section.abort_ip;
  memcpy(pages + 4096, to_handler, sizeof to_handler);
  memcpy(pages + 4096 + kTargetAt, &target, sizeof target);
  __builtin___clear_cache(pages + 4096, pages + 8192);
  stays_at_start_section.abort_ip = (uint64_t)(pages + 4096);
  return pages;
}
static void* contend(void* unused) {
  (void)unused;
  while (!over) burn_here();
  return NULL;
}
static int lazy_signature(uint32_t signature) {
  handler_pages();
  if (sys_rseq(&area, 64, kRseqUnregister, RSEQ_SIG) != 0 || sys_rseq(&area, 64, 0, signature) != 0) return 1;
  pthread_t thread;
  over = 0;
  const long long slow = rseq_statistic("slowpath");
  pthread_create(&thread, NULL, contend, NULL); // who preempts; there are no signals
  const int aborted = !stays_at_start(NULL);
  over = 1;
  pthread_join(thread, NULL);
  // That page could not be had with interrupts off.
  return aborted && area.rseq_cs == 0 && rseq_statistic("slowpath") == slow + 1 ? 0 : 2;
}
static int of_child(uint32_t signature) {
  const pid_t pid = fork();
  int status = -1;
  if (pid == 0) _exit(lazy_signature(signature));
  waitpid(pid, &status, 0);
  return status;
}
static void lazy_pages(void) {
  check_named(of_child(0) == 0, "a signature in a page that is not there yet");
  const int status = of_child(RSEQ_SIG);
  check_named(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV, "another one than is there: SIGSEGV");
}

int main(void) {
  plan(15);
  run_on(0);
  check(own_register(&area));
  first_and_last_instruction();
  interrupts_alone();
  faults();
  nested();
  other_ways_back();
  lazy_pages();
  return finished();
}
