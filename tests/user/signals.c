// SPDX-License-Identifier: Apache-2.0
// Signals as a program sees them: handlers and their frames, masks, queues, alternative stacks, restarts,
// faults (spec linux_abi 5).
#define _GNU_SOURCE
#include "ktap.h"

#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

static volatile sig_atomic_t calls, last, inner_seen;
static volatile int order[16];
static siginfo_t seen;
static sigjmp_buf back;

static void count(int sig) {
  if (calls < 16) order[calls] = sig;
  ++calls;
  last = sig;
}

static void keep_info(int sig, siginfo_t* info, void* context) {
  (void)context;
  seen = *info;
  count(sig);
}

// What the frame says of a page fault: 'r', 'w', '?' for something else, 0 when it tells of no fault.
static char access_in(const ucontext_t* context) {
#ifdef __x86_64__
  if (context->uc_mcontext.gregs[REG_TRAPNO] == 0) return 0;
  const unsigned long error = (unsigned long)context->uc_mcontext.gregs[REG_ERR];
  return context->uc_mcontext.gregs[REG_TRAPNO] != 14 || (error & 4) == 0 ? '?'
         : (error & 2) != 0                                               ? 'w'
                                                                          : 'r';
#else
  const unsigned char* record = context->uc_mcontext.__reserved;
  for (;;) {
    uint32_t head[2];
    memcpy(head, record, sizeof head);
    if (head[0] == 0) return 0;
    if (head[0] == 0x45535201) break;
    record += head[1];
  }
  uint64_t syndrome;
  memcpy(&syndrome, record + 8, sizeof syndrome);
  return syndrome >> 26 != 0x24 ? '?' : (syndrome & 1 << 6) != 0 ? 'w' : 'r';
#endif
}
static volatile char access_seen;

static void jump_out(int sig, siginfo_t* info, void* context) {
  access_seen = access_in(context);
  seen = *info;
  last = sig;
  siglongjmp(back, 1);
}

static void install(int sig, void (*handler)(int, siginfo_t*, void*), int flags) {
  struct sigaction action = {0};
  action.sa_sigaction = handler;
  action.sa_flags = SA_SIGINFO | flags;
  sigaction(sig, &action, NULL);
}

static void handlers_and_information(void) {
  install(SIGUSR1, keep_info, 0);
  check(raise(SIGUSR1) == 0 && calls == 1 && last == SIGUSR1);
  check(seen.si_signo == SIGUSR1 && seen.si_code == SI_TKILL && seen.si_pid == getpid());
  check(kill(getpid(), SIGUSR1) == 0 && calls == 2 && seen.si_code == SI_USER);
  const union sigval value = {.sival_int = 4711};
  check(sigqueue(getpid(), SIGUSR1, value) == 0 && seen.si_code == SI_QUEUE && seen.si_int == 4711);
  check(kill(getpid(), 0) == 0);
  check_errno(kill(getpid(), 65), EINVAL);
  check_errno(kill(999999, 0), ESRCH);
  struct sigaction action = {0};
  check_errno(sigaction(SIGKILL, &action, NULL), EINVAL);
}

// Registers and floating-point state survive a handler that spoils its own.
static void spoil(int sig) {
  volatile double a = 1.5;
  for (int i = 0; i < 100; ++i) a = a * 1.25 + 3;
  count(sig);
}

static void state_survives(void) {
  signal(SIGUSR2, spoil);
  double sum = 0;
  for (int i = 1; i <= 1000; ++i) {
    const double before = sum;
    sum += 1.0 / i;
    if (i % 100 == 0) raise(SIGUSR2);
    if (sum - before <= 0) break;
  }
  check(sum > 7.4854 && sum < 7.4855);
}

static void masks_and_queues(void) {
  sigset_t set, old, pending;
  sigemptyset(&set);
  sigaddset(&set, SIGUSR1);
  sigaddset(&set, SIGRTMIN + 1);
  sigaddset(&set, SIGRTMIN + 2);
  for (int i = 0; i < 3; ++i) install(i == 0 ? SIGUSR1 : SIGRTMIN + i, keep_info, 0);
  check(sigprocmask(SIG_BLOCK, &set, &old) == 0);
  calls = 0;
  for (int i = 0; i < 2; ++i) {
    kill(getpid(), SIGUSR1); // remembered once
    sigqueue(getpid(), SIGRTMIN + 2, (union sigval){.sival_int = i});
    sigqueue(getpid(), SIGRTMIN + 1, (union sigval){.sival_int = i});
  }
  check(calls == 0);
  check(sigpending(&pending) == 0 && sigismember(&pending, SIGUSR1) && sigismember(&pending, SIGRTMIN + 2));
  check(sigprocmask(SIG_SETMASK, &old, NULL) == 0);
  check(calls == 5);
  // Lowest number first, frame upon frame: the last one built is the first to run.
  check(order[4] == SIGUSR1 || order[0] == SIGUSR1);
  sigset_t wait_for;
  sigemptyset(&wait_for);
  sigaddset(&wait_for, SIGRTMIN + 3);
  sigprocmask(SIG_BLOCK, &wait_for, NULL);
  sigqueue(getpid(), SIGRTMIN + 3, (union sigval){.sival_int = 7});
  siginfo_t info;
  check(sigtimedwait(&wait_for, &info, NULL) == SIGRTMIN + 3 && info.si_int == 7);
  const struct timespec soon = {0, 2000000};
  check_errno(sigtimedwait(&wait_for, &info, &soon), EAGAIN);
}

static void inner(int sig) {
  (void)sig;
  ++inner_seen;
}
static void outer(int sig) {
  const int before = inner_seen;
  raise(SIGUSR2); // in sa_mask: waits for this handler's end
  if (inner_seen == before) count(sig);
}

static void handler_masks(void) {
  struct sigaction action = {0};
  action.sa_handler = outer;
  sigaddset(&action.sa_mask, SIGUSR2);
  sigaction(SIGUSR1, &action, NULL);
  signal(SIGUSR2, inner);
  calls = 0;
  inner_seen = 0;
  raise(SIGUSR1);
  check(calls == 1 && inner_seen == 1);
  action.sa_handler = count;
  action.sa_flags = SA_RESETHAND;
  sigaction(SIGUSR1, &action, NULL);
  raise(SIGUSR1);
  struct sigaction now;
  check(sigaction(SIGUSR1, NULL, &now) == 0 && now.sa_handler == SIG_DFL);
}

static char* alternative;
static volatile int on_alternative;
static void where_am_i(int sig) {
  char here;
  stack_t stack;
  on_alternative = &here >= alternative && &here < alternative + 65536 && sigaltstack(NULL, &stack) == 0 &&
                   (stack.ss_flags & SS_ONSTACK) != 0 && sigaltstack(&stack, NULL) == -1;
  count(sig);
}

static void alternative_stacks(void) {
  alternative = malloc(65536);
  const stack_t stack = {.ss_sp = alternative, .ss_size = 65536};
  check(sigaltstack(&stack, NULL) == 0);
  struct sigaction action = {0};
  action.sa_handler = where_am_i;
  action.sa_flags = SA_ONSTACK;
  sigaction(SIGUSR1, &action, NULL);
  raise(SIGUSR1);
  check(on_alternative);
  const stack_t small = {.ss_sp = alternative, .ss_size = 100};
  check_errno(sigaltstack(&small, NULL), ENOMEM);
  const stack_t odd = {.ss_sp = alternative, .ss_size = 65536, .ss_flags = 77};
  check_errno(sigaltstack(&odd, NULL), EINVAL);
}

static void faults(void) {
  install(SIGSEGV, jump_out, SA_NODEFER);
  install(SIGILL, jump_out, SA_NODEFER);
  install(SIGBUS, jump_out, SA_NODEFER);
  install(SIGFPE, jump_out, SA_NODEFER);
  if (sigsetjmp(back, 1) == 0) *(volatile int*)16 = 1;
  check(last == SIGSEGV && seen.si_code == SEGV_MAPERR && seen.si_addr == (void*)16);
  check_named(access_seen == 'w', "the frame tells of a write");
  if (sigsetjmp(back, 1) == 0) (void)*(volatile int*)16;
  check_named(access_seen == 'r', "the frame tells of a read");
  if (sigsetjmp(back, 1) == 0) raise(SIGSEGV);
  check_named(seen.si_code == SI_TKILL && access_seen == 0, "the frame of a sent signal tells of no fault");
  char* page = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (sigsetjmp(back, 1) == 0) *(volatile char*)page = 1;
  check(last == SIGSEGV && seen.si_code == SEGV_ACCERR && seen.si_addr == page);
  last = 0;
#ifdef __x86_64__
  if (sigsetjmp(back, 1) == 0) __asm__ volatile("ud2");
#else
  if (sigsetjmp(back, 1) == 0) __asm__ volatile("udf #0");
#endif
  check(last == SIGILL && seen.si_code != 0);
#ifdef __x86_64__
  last = 0;
  if (sigsetjmp(back, 1) == 0) __asm__ volatile("xor %%edx,%%edx; mov $1,%%eax; div %%edx" ::: "eax", "edx");
  check(last == SIGFPE && seen.si_code == FPE_INTDIV);
#else
  check(1);
#endif
}

// What a child's end tells, and what signals do to those who have no handler.
static int ends_with(void (*body)(void)) {
  const pid_t pid = fork();
  if (pid == 0) {
    body();
    _exit(0);
  }
  int status = -1;
  return waitpid(pid, &status, 0) == pid ? status : -1;
}
static void by_term(void) { kill(getpid(), SIGTERM); }
static void by_fault(void) {
  signal(SIGSEGV, SIG_DFL);
  *(volatile int*)24 = 1;
}
static void by_blocked_fault(void) {
  sigset_t all;
  sigfillset(&all);
  sigprocmask(SIG_SETMASK, &all, NULL);
  *(volatile int*)24 = 1;
}
static void ignoring(void) {
  signal(SIGTERM, SIG_IGN);
  kill(getpid(), SIGTERM);
  kill(getpid(), SIGWINCH);
  _exit(5);
}

static void default_actions(void) {
  int status = ends_with(by_term);
  check(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
  status = ends_with(by_fault);
  check(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
  status = ends_with(by_blocked_fault);
  check(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
  status = ends_with(ignoring);
  check(WIFEXITED(status) && WEXITSTATUS(status) == 5);
}

static void stops(void) {
  const pid_t pid = fork();
  if (pid == 0) {
    for (;;) pause();
  }
  int status = 0;
  check(kill(pid, SIGSTOP) == 0 && waitpid(pid, &status, WUNTRACED) == pid && WIFSTOPPED(status) &&
        WSTOPSIG(status) == SIGSTOP);
  check(kill(pid, SIGCONT) == 0 && waitpid(pid, &status, WCONTINUED) == pid && WIFCONTINUED(status));
  check(kill(pid, SIGSTOP) == 0 && waitpid(pid, &status, WUNTRACED) == pid);
  check(kill(pid, SIGKILL) == 0 && waitpid(pid, &status, 0) == pid && WIFSIGNALED(status) &&
        WTERMSIG(status) == SIGKILL);
}

static void restarts(void) {
  int ends[2];
  check(pipe(ends) == 0);
  struct sigaction action = {0};
  action.sa_handler = count;
  action.sa_flags = SA_RESTART;
  sigaction(SIGUSR1, &action, NULL);
  action.sa_flags = 0;
  sigaction(SIGUSR2, &action, NULL);
  const pid_t parent = getpid();
  for (int round = 0; round < 2; ++round) {
    calls = 0;
    const pid_t pid = fork();
    if (pid == 0) {
      // Whether the parent sleeps in read() already cannot be seen from here: it is sent signals until it
      // says so.
      for (int i = 0; i < 200; ++i) sched_yield();
      kill(parent, round == 0 ? SIGUSR1 : SIGUSR2);
      for (int i = 0; i < 200; ++i) sched_yield();
      if (round == 0) (void)!write(ends[1], "x", 1);
      _exit(0);
    }
    char byte = 0;
    errno = 0;
    const ssize_t n = read(ends[0], &byte, 1);
    if (round == 0)
      check(n == 1 && byte == 'x' && calls == 1);
    else
      check((n == -1 && errno == EINTR) && calls == 1);
    int status;
    while (waitpid(pid, &status, 0) == -1 && errno == EINTR) {
    }
  }
  sigset_t none, blocked;
  sigemptyset(&none);
  sigemptyset(&blocked);
  sigaddset(&blocked, SIGUSR1);
  sigprocmask(SIG_BLOCK, &blocked, NULL);
  calls = 0;
  kill(getpid(), SIGUSR1);
  check_errno(sigsuspend(&none), EINTR);
  sigset_t now;
  check(calls == 1 && sigprocmask(SIG_BLOCK, NULL, &now) == 0 && sigismember(&now, SIGUSR1));
}

int main(void) {
  plan(43);
  handlers_and_information();
  state_survives();
  masks_and_queues();
  handler_masks();
  alternative_stacks();
  faults();
  default_actions();
  stops();
  restarts();
  return finished();
}
