// SPDX-License-Identifier: Apache-2.0
// rseq(): who is refused and why, in which order; what a registration holds, and what becomes of it in fork,
// clone and exec. Properties A1, A2, A4 to A11, D4, S16 of rseq_mm_cid.
#include "tests/user/rseq.h"

#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>

static volatile struct rseq_area area __attribute__((aligned(64)));
static volatile struct rseq_area other __attribute__((aligned(64)));
static const uint32_t kSignature = RSEQ_SIG;

/* The wait status of a child that runs `body`. */
static int in_child(int (*body)(void)) {
  const pid_t pid = fork();
  int status = -1;
  if (pid == 0) _exit(body());
  waitpid(pid, &status, 0);
  return status;
}
static int succeeds(int status) { return WIFEXITED(status) && WEXITSTATUS(status) == 0; }
static int dies_of_segv(int status) { return WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV; }

/* The C library has registered 32 bytes, and finds its CPU there wherever it runs. */
static void libc(void) {
  cpu_set_t all;
  sched_getaffinity(0, sizeof all, &all);
  volatile struct rseq_area* mine = libc_area();
  check(__rseq_size >= 20);
  int right = 1;
  for (unsigned cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (!CPU_ISSET(cpu, &all)) continue;
    right &= run_on(cpu) == 0 && mine->cpu_id == cpu && mine->cpu_id_start == cpu && here() == cpu;
    right &= (unsigned)sched_getcpu() == cpu && mine->mm_cid == 0;
  }
  check_named(right, "cpu_id is the CPU, mm_cid of the only thread is 0, on every CPU");
  sched_setaffinity(0, sizeof all, &all);
  check(getauxval(AT_RSEQ_FEATURE_SIZE) == 33);
  check(getauxval(AT_RSEQ_ALIGN) == 64);
  check_errno(sys_rseq(&area, 32, 0, kSignature), EINVAL); // another address than the registered one
  check_errno(sys_rseq(mine, 64, 0, kSignature), EINVAL);
  check_errno(sys_rseq(mine, 32, 0, kSignature + 1), EPERM);
  check_errno(sys_rseq(mine, 32, 0, kSignature), EBUSY);
  check_errno(sys_rseq(mine, 32, 4, kSignature), EINVAL); // flags come first
}

static void unregistering(void) {
  volatile struct rseq_area* mine = libc_area();
  check_errno(sys_rseq(mine, 32, -1, kSignature), EINVAL);
  check_errno(sys_rseq(mine, 32, kRseqUnregister | 2, kSignature), EINVAL);
  check_errno(sys_rseq(&area, 32, kRseqUnregister, kSignature), EINVAL);
  check_errno(sys_rseq(mine, 64, kRseqUnregister, kSignature), EINVAL);
  check_errno(sys_rseq(mine, 64, kRseqUnregister, kSignature + 1), EINVAL); // the length before the signature
  check_errno(sys_rseq(mine, 32, kRseqUnregister, kSignature + 1), EPERM);
  mine->rseq_cs = 0;
  check(sys_rseq(mine, 32, kRseqUnregister, kSignature) == 0);
  check(mine->cpu_id_start == 0 && mine->cpu_id == ~0u && mine->node_id == 0 && mine->mm_cid == 0);
  check_errno(sys_rseq(mine, 32, kRseqUnregister, kSignature), EINVAL);
}

static void refusals(void) {
  char* const bytes = (char*)&area;
  check_errno(sys_rseq(NULL, 0, 0, 0), EINVAL);
  check_errno(sys_rseq(&area, 32, 4, kSignature), EINVAL);
  check_errno(sys_rseq(&area, 31, 0, kSignature), EINVAL);
  check_errno(sys_rseq(bytes + 1, 32, 0, kSignature), EINVAL);
  check_errno(sys_rseq(bytes + 16, 32, 0, kSignature), EINVAL);
  check_errno(sys_rseq(bytes + 32, 34, 0, kSignature), EINVAL); // beyond 32 bytes the alignment is 64
  check_errno(sys_rseq((void*)-4096L, 32, 0, kSignature), EFAULT);
  check_errno(sys_rseq((void*)-4096L, 31, 0, kSignature), EINVAL);
  check_errno(sys_rseq(NULL, 32, 0, kSignature), EFAULT);
  check_errno(sys_rseq((void*)0x7fffffff0000, 0xffff0000, 0, kSignature), EFAULT);
  void* const unwritable = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  check_errno(sys_rseq(unwritable, 32, 0, kSignature), EFAULT);
}

static int ids_are_right(volatile struct rseq_area* a) {
  return a->cpu_id_start == a->cpu_id && a->cpu_id == here() && a->node_id == 0 && a->mm_cid == 0;
}

/* 32 bytes: version 1, which writes nothing beyond offset 28. */
static void legacy(void) {
  memset((void*)&area, 0x5a, sizeof area);
  run_on(0);
  check(sys_rseq(&area, 32, 0, kSignature) == 0);
  check(ids_are_right(&area) && area.rseq_cs == 0 && area.flags == 0);
  for (int i = 0; i < 100; ++i) sched_yield();
  int untouched = area.slice_ctrl == 0x5a5a5a5a;
  for (unsigned i = 0; i < sizeof area.rest; ++i) untouched &= area.rest[i] == 0x5a;
  check_named(untouched, "a legacy registration leaves what lies behind offset 28 alone");
  area.rseq_cs = 0x1234500; // left as it is
  check(sys_rseq(&area, 32, kRseqUnregister, kSignature) == 0);
  check(area.rseq_cs == 0x1234500 && area.cpu_id == ~0u);
}

static void optimised(void) {
  const uint32_t lengths[] = {33, 64, 1024};
  static volatile char large[1024] __attribute__((aligned(64)));
  for (unsigned i = 0; i < 3; ++i) {
    volatile struct rseq_area* const a = (volatile struct rseq_area*)large;
    memset((void*)large, 0x5a, sizeof large);
    check(sys_rseq(a, lengths[i], 0, kSignature) == 0);
    check(ids_are_right(a) && a->rseq_cs == 0 && a->slice_ctrl == 0 && a->rest[0] == 0x5a);
    check_errno(sys_rseq(a, lengths[i], 0, kSignature), EBUSY);
    check(sys_rseq(a, lengths[i], kRseqUnregister, kSignature) == 0);
  }
}

static int fork_is_registered(void) {
  return sys_rseq(&area, 64, 0, kSignature) == -1 && errno == EBUSY && area.cpu_id == here() &&
                 area.mm_cid == 0
             ? 0
             : 1;
}
static void* thread_registers(void* unused) {
  (void)unused;
  // Nor has the C library registered anything: its creator had given the like back.
  const int again = sys_rseq(&other, 64, 0, kSignature) == 0;
  const int number = other.mm_cid < 64;
  sys_rseq(&other, 64, kRseqUnregister, kSignature);
  return (void*)(long)(again && number);
}
static int read_only_area(void) {
  static char page[8192] __attribute__((aligned(4096)));
  if (sys_rseq(&area, 64, kRseqUnregister, kSignature) != 0) return 1;
  if (sys_rseq(page, 64, 0, kSignature) != 0 || mprotect(page, 4096, PROT_READ) != 0) return 2;
  sys_rseq(page, 64, kRseqUnregister, kSignature);
  return 3;
}
static int exec_again(void) {
  char* const argv[] = {(char*)"rseq_calls", (char*)"registered?", NULL};
  extern char** environ;
  const uint32_t before = area.cpu_id;
  if (execv("/none", argv) == 0 || sys_rseq(&area, 64, 0, kSignature) == 0 || errno != EBUSY) return 1;
  if (area.cpu_id != before && area.cpu_id != here()) return 2;
  execve("/proc/self/exe", argv, environ);
  return 3;
}

static void lives(void) {
  check(sys_rseq(&area, 64, 0, kSignature) == 0);
  check_named(succeeds(in_child(fork_is_registered)), "a fork's child is registered where its parent is");
  pthread_t thread;
  void* result = NULL;
  pthread_create(&thread, NULL, thread_registers, NULL);
  pthread_join(thread, &result);
  check_named(result != NULL, "a thread is not registered with its creator's area");
  check_named(dies_of_segv(in_child(read_only_area)), "an area that cannot be reset: SIGSEGV");
  check_named(succeeds(in_child(exec_again)), "exec forgets the registration, a failed one does not");
  check(ids_are_right(&area));
}

int main(int argc, char** argv) {
  (void)argv;
  // After exec: the C library of the new program has registered its own anew.
  if (argc > 1)
    return libc_area()->cpu_id == here() && sys_rseq(libc_area(), 32, 0, kSignature) == -1 ? 0 : 1;
  plan(52);
  libc();
  unregistering();
  refusals();
  legacy();
  optimised();
  lives();
  return finished();
}
