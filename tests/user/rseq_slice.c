// SPDX-License-Identifier: Apache-2.0
// Time slice extension: who may have it, and what ends it. Properties T1 to T5, T10 to T13 of
// rseq_mm_cid.
#include "tests/user/burn.h"
#include "tests/user/rseq.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>

enum { kSlice = 79, kGet = 1, kSet = 2, kSliceDefaultOn = 2, kNotSupported = 524 };
enum { kAvailable = 1 << 4, kEnabled = 1 << 5 };
static volatile struct rseq_area area __attribute__((aligned(64)));
static const uint32_t kSignature = RSEQ_SIG;

static volatile uint8_t* request(void) { return (volatile uint8_t*)&area.slice_ctrl; }
static volatile uint8_t* granted(void) { return (volatile uint8_t*)&area.slice_ctrl + 1; }
static long slice_yield(void) { return syscall(471); }
static long control(long op, long arg, long third, long fourth) {
  return syscall(SYS_prctl, kSlice, op, arg, third, fourth);
}
static void calls(void) {
  check_errno(control(kGet, 0, 1, 0), EINVAL);
  check_errno(control(kSet, 1, 0, 1), EINVAL);
  check_errno(control(kGet, 1, 0, 0), EINVAL);
  check_errno(control(kSet, 2, 0, 0), EINVAL);
  check_errno(control(3, 0, 0, 0), EINVAL);
  check(control(kGet, 0, 0, 0) == 0);
  check_errno(control(kSet, 1, 0, 0), kNotSupported); // the C library's registration is a legacy one
  check(libc_unregister() == 0);
  check_errno(control(kSet, 1, 0, 0), ENXIO);
  check(slice_yield() == 0);

  check(sys_rseq(&area, 64, kSliceDefaultOn, kSignature) == 0);
  check(area.flags == (kAvailable | kEnabled) && control(kGet, 0, 0, 0) == 1);
  check(control(kSet, 0, 0, 0) == 0 && area.flags == kAvailable && control(kGet, 0, 0, 0) == 0);
  check(control(kSet, 0, 0, 0) == 0);
  check(sys_rseq(&area, 64, kRseqUnregister, kSignature) == 0);
  check(sys_rseq(&area, 64, 0, kSignature) == 0 && area.flags == kAvailable);
  check(control(kSet, 1, 0, 0) == 0 && area.flags == (kAvailable | kEnabled));
}

static int write_length(const char* text) {
  const int fd = open("/proc/sys/kernel/rseq_slice_ns", O_WRONLY);
  const ssize_t written = write(fd, text, strlen(text));
  const int error = errno;
  close(fd);
  errno = error;
  return written < 0 ? -1 : 0;
}
static void lengths(void) {
  check_errno(write_length("4999"), ERANGE);
  check_errno(write_length("50001"), ERANGE);
  check(write_length("50000") == 0);
}

static atomic_ulong turns; // of the other thread
static atomic_int over;
static void* compete(void* unused) {
  (void)unused;
  while (!over) {
    ++turns;
    burn();
  }
  return NULL;
}

/* Until an extension is granted; false: never. The request stays for as long as nothing interrupts. */
static int get_extension(void) {
  for (int i = 0; i < 100000; ++i) {
    *request() = 1;
    for (int n = 0; n < 10 && *granted() == 0; ++n) burn();
    if (*granted() != 0) return *request() == 0;
  }
  return 0;
}
static void extensions(void) {
  *request() = 1;
  for (int n = 0; n < 10; ++n) burn();
  check_named(*request() == 1 || *granted() == 1, "who is not interrupted keeps his request");
  *request() = 0;
  pthread_t other;
  pthread_create(&other, NULL, compete, NULL);
  while (turns == 0) sched_yield();

  const long long before = rseq_statistic("s_granted");
  // What is printed is a system call: results are looked at later. It may be a kernel thread that waits.
  int got = 1, all = 1, let_run = 0;
  unsigned long seen;
  for (int i = 0; i < 5; ++i) {
    got &= get_extension();
    seen = turns;
    all &= slice_yield() == 1 && area.slice_ctrl == 0;
    let_run |= turns > seen;
  }
  check_named(got && all, "an extension is granted and ends with a yield");
  check_named(let_run, "yielding lets the other run at once");
  check(slice_yield() == 0);

  let_run = 0;
  for (int i = 0; i < 5; ++i) {
    got &= get_extension();
    seen = turns;
    syscall(SYS_getppid);
    let_run |= turns > seen;
    all &= slice_yield() == 0;
  }
  check_named(got && all && let_run, "another system call ends it, too");

  got = get_extension();
  seen = turns;
  while (turns == seen) burn();
  check_named(got && area.slice_ctrl == 0 && slice_yield() == 0, "who does not yield is switched away from");
  check(rseq_statistic("s_granted") >= before + 3);
  check(rseq_statistic("s_expired") > 0 && rseq_statistic("s_revoked") > 0 &&
        rseq_statistic("s_yielded") > 0);
  check(rseq_statistic("s_granted") >= rseq_statistic("s_yielded") + rseq_statistic("s_aborted"));

  // Without it there is none.
  check(control(kSet, 0, 0, 0) == 0);
  *request() = 1;
  seen = turns;
  while (turns == seen) burn();
  check_named(*granted() == 0, "who has not enabled it gets none");
  over = 1;
  pthread_join(other, NULL);
}

/* A request in a page that cannot be written to any more. A tick in between is told in time: then it was not.
 */
static int dies_of_read_only(void) {
  int status = -1;
  const pid_t pid = fork();
  if (pid == 0) {
    char* const page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    volatile struct rseq_area* const mine = (volatile struct rseq_area*)page;
    pthread_t other;
    over = 0;
    pthread_create(&other, NULL, compete, NULL);
    if (sys_rseq(&area, 64, kRseqUnregister, kSignature) != 0) _exit(1);
    if (sys_rseq(page, 64, kSliceDefaultOn, kSignature) != 0) _exit(2);
    mine->slice_ctrl = 1;
    if (mprotect(page, 4096, PROT_READ) != 0) _exit(3);
    for (int i = 0; i < 100000; ++i) burn();
    _exit(4);
  }
  waitpid(pid, &status, 0);
  return WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV;
}

int main(void) {
  plan(32);
  run_on(0);
  calls();
  lengths();
  extensions();
  check_named(dies_of_read_only() || dies_of_read_only() || dies_of_read_only(),
              "a request that cannot be answered: SIGSEGV");
  return finished();
}
