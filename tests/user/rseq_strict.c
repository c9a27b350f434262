// SPDX-License-Identifier: Apache-2.0
// rseq=strict: programs that get away with it elsewhere are killed. With the argument "lax" they get away
// with it. Properties A12, C15, C18 of rseq_mm_cid.
#include "tests/user/burn.h"
#include "tests/user/rseq.h"

#include <signal.h>
#include <sys/time.h>
#include <sys/wait.h>

static volatile struct rseq_area area __attribute__((aligned(64)));
static volatile int taken;
static int strict = 1;

static void on_signal(int sig) {
  (void)sig;
  ++taken;
}
/* No system call is made from here on: there is a section. The first may come before it, one of the next will
 * not. */
static void signal_soon(void) {
  const struct itimerval soon = {.it_interval = {.tv_usec = 2000}, .it_value = {.tv_usec = 2000}};
  taken = 0;
  signal(SIGALRM, on_signal);
  setitimer(ITIMER_REAL, &soon, NULL);
}

/* Where an abort leads: the signature before it, no way out of it but the end of the process. */
__attribute__((noreturn, used)) static void end_well(void) { _exit(0); }
#if defined(__x86_64__)
__asm__(".pushsection .text\n.byte 0x0f, 0xb9, 0x3d\n.long 0x53053053\nabort_here: andq $-16, %rsp\ncall "
        "end_well\n.popsection");
#else
__asm__(".pushsection .text\n.inst 0xd428bc00\nabort_here: bl end_well\n.popsection");
#endif
extern char abort_here[];

enum fault { kNone, kVersion, kFlags, kAbortInside, kStartBeyond, kEndBeyond, kEndWraps, kCall, kFaults };
static struct rseq_section section;

/* The thread is within its section, which has this fault. */
static int with_fault(int fault) {
  const uint64_t code = (uint64_t)&with_fault;
  section = (struct rseq_section){
      .start_ip = code, .post_commit_offset = 0x10000, .abort_ip = (uint64_t)abort_here};
  // The handler is far from this code, so that it is not within the section itself.
  section.start_ip = section.abort_ip < code ? section.abort_ip + 64 : code - 0x10000;
  section.post_commit_offset = section.abort_ip < code ? 0x100000 : section.abort_ip - section.start_ip;
  if (fault == kVersion) section.version = 1;
  if (fault == kFlags) section.flags = 1;
  if (fault == kAbortInside) section.start_ip = 0x1000, section.post_commit_offset = 1ul << 46;
  // Seen as one number, the distance from the start is short all the same.
  if (fault == kStartBeyond) section.start_ip = ~0ul - 4096, section.post_commit_offset = ~0ul >> 1;
  if (fault == kEndBeyond) section.post_commit_offset = 1ul << 60;
  if (fault == kEndWraps) section.post_commit_offset = ~0ul - 8192;
  if (fault != kCall) signal_soon();
  area.rseq_cs = (uint64_t)&section;
  if (fault == kCall) syscall(SYS_getppid);
  if (fault == kCall) return 0;
  while (taken < 10) burn_here();
  return 7; // not aborted
}
static int overwrite(int unused) {
  (void)unused;
  if (sys_rseq(&area, 64, kRseqUnregister, RSEQ_SIG) != 0 || sys_rseq(&area, 32, 0, RSEQ_SIG) != 0) return 1;
  area.cpu_id = 77;
  usleep(100);
  return 0;
}

static int is_right(int (*body)(int), int argument, int harmless) {
  const pid_t pid = fork();
  int status = -1;
  if (pid == 0) _exit(body(argument));
  waitpid(pid, &status, 0);
  if (strict && !harmless) return WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV;
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

int main(int argc, char** argv) {
  strict = argc < 2 || strcmp(argv[1], "lax") != 0;
  plan(kFaults + 2);
  check(own_register(&area));
  for (int fault = kNone; fault < kFaults; ++fault) {
    check_named(is_right(with_fault, fault, fault == kNone), "what is wrong with a section");
  }
  check_named(is_right(overwrite, 0, 0), "a legacy program writes to a field of the kernel's");
  return finished();
}
