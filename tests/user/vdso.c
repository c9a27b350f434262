// SPDX-License-Identifier: Apache-2.0
// The vDSO: found through AT_SYSINFO_EHDR as the C library finds it, its functions by their names and
// versions. What they give lies between what two system calls around them give, on all CPUs, and never goes
// back. With the argument "quiet" only clocks are read: whoever counts system calls finds none for them.
#define _GNU_SOURCE
#include "tests/user/ktap.h"

#include <elf.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <sys/auxv.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#ifdef __aarch64__
#define NAME(what) "__kernel_" what
#define VERSION "LINUX_2.6.39"
#else
#define NAME(what) "__vdso_" what
#define VERSION "LINUX_2.6"
#endif

/// The dynamic section's tables, relocated.
static const char* base;
static const Elf64_Sym* symbols;
static const char* strings;
static const uint32_t* hash;
static const uint16_t* versions;
static const Elf64_Verdef* definitions;

static int read_image(void) {
  base = (const char*)getauxval(AT_SYSINFO_EHDR);
  if (base == NULL) return 0;
  const Elf64_Ehdr* header = (const Elf64_Ehdr*)base;
  if (memcmp(header->e_ident, ELFMAG, SELFMAG) != 0 || header->e_type != ET_DYN) return 0;
  const Elf64_Phdr* segment = (const Elf64_Phdr*)(base + header->e_phoff);
  const Elf64_Dyn* dynamic = NULL;
  int loads = 0;
  for (int i = 0; i < header->e_phnum; ++i) {
    if (segment[i].p_type == PT_DYNAMIC) dynamic = (const Elf64_Dyn*)(base + segment[i].p_vaddr);
    if (segment[i].p_type == PT_LOAD) loads += segment[i].p_vaddr == 0 && segment[i].p_flags == (PF_R | PF_X);
  }
  for (; dynamic != NULL && dynamic->d_tag != DT_NULL; ++dynamic) {
    const void* at = base + dynamic->d_un.d_ptr;
    if (dynamic->d_tag == DT_SYMTAB) symbols = at;
    if (dynamic->d_tag == DT_STRTAB) strings = at;
    if (dynamic->d_tag == DT_HASH) hash = at;
    if (dynamic->d_tag == DT_VERSYM) versions = at;
    if (dynamic->d_tag == DT_VERDEF) definitions = at;
  }
  return loads == 1 && symbols && strings && hash && versions && definitions;
}

static int has_version(uint16_t index) {
  for (const Elf64_Verdef* d = definitions;; d = (const void*)((const char*)d + d->vd_next)) {
    const Elf64_Verdaux* name = (const void*)((const char*)d + d->vd_aux);
    if (d->vd_ndx == (index & 0x7fff)) return strcmp(strings + name->vda_name, VERSION) == 0;
    if (d->vd_next == 0) return 0;
  }
}

static void* find(const char* name) {
  for (uint32_t i = 0; i < hash[1]; ++i)
    if (strcmp(strings + symbols[i].st_name, name) == 0 && symbols[i].st_shndx != 0 &&
        has_version(versions[i]))
      return (void*)(base + symbols[i].st_value);
  return NULL;
}

static int64_t ns_of(const struct timespec* t) { return t->tv_sec * 1000000000LL + t->tv_nsec; }

static int64_t kernel_ns(clockid_t clock) {
  struct timespec t = {-1, -1};
  syscall(SYS_clock_gettime, clock, &t);
  return ns_of(&t);
}

typedef int Gettime(clockid_t, struct timespec*);

static int is_between(Gettime* gettime, clockid_t clock) {
  const int64_t before = kernel_ns(clock);
  struct timespec t = {-1, -1};
  if (gettime(clock, &t) != 0 || t.tv_nsec < 0 || t.tv_nsec >= 1000000000) return 0;
  return ns_of(&t) >= before && ns_of(&t) <= kernel_ns(clock);
}

static void read_quietly(void) {
  struct timespec t;
  struct timeval v;
  for (int i = 0; i < 100; ++i) {
    clock_gettime(CLOCK_MONOTONIC, &t);
    clock_gettime(CLOCK_REALTIME, &t);
    gettimeofday(&v, NULL);
    sched_getcpu();
  }
}

int main(int argc, char** argv) {
  if (argc > 1 && strcmp(argv[1], "quiet") == 0) {
    read_quietly();
    return 0;
  }
  plan(12);
  if (!check_named(read_image(), "AT_SYSINFO_EHDR leads to a shared object of one segment"))
    return finished();
  Gettime* gettime = (Gettime*)find(NAME("clock_gettime"));
  Gettime* getres = (Gettime*)find(NAME("clock_getres"));
  int (*timeofday)(struct timeval*, void*) = (int (*)(struct timeval*, void*))find(NAME("gettimeofday"));
  if (!check(gettime != NULL && getres != NULL && timeofday != NULL)) return finished();
  const clockid_t clocks[] = {CLOCK_REALTIME,        CLOCK_MONOTONIC,        CLOCK_MONOTONIC_RAW, CLOCK_TAI,
                              CLOCK_REALTIME_COARSE, CLOCK_MONOTONIC_COARSE, CLOCK_BOOTTIME};
  const int nr_cpus = (int)sysconf(_SC_NPROCESSORS_ONLN);
  int between = 1, forward = 1, same_cpu = 1;
  int64_t last = 0;
  for (int turn = 0; turn < 3 * nr_cpus; ++turn) {
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(turn % nr_cpus, &one);
    if (sched_setaffinity(0, sizeof one, &one) != 0) continue;
    for (unsigned i = 0; i < sizeof clocks / sizeof clocks[0]; ++i) between &= is_between(gettime, clocks[i]);
    for (int i = 0; i < 1000; ++i) {
      struct timespec t;
      gettime(CLOCK_MONOTONIC, &t);
      forward &= ns_of(&t) >= last;
      last = ns_of(&t);
    }
    same_cpu &= sched_getcpu() == turn % nr_cpus;
  }
  check_named(between, "all clocks, on all CPUs, agree with the kernel's");
  check_named(forward, "time does not go back, whatever the CPU");
  check_named(same_cpu, "the CPU's number is that of the CPU");
  struct timespec t;
  check_named(gettime(CLOCK_THREAD_CPUTIME_ID, &t) == 0 && ns_of(&t) > 0,
              "what it does not know the kernel answers");
  check(gettime(77, &t) == -EINVAL);
  check(getres(CLOCK_MONOTONIC, &t) == 0 && ns_of(&t) == 1 && getres(CLOCK_MONOTONIC, NULL) == 0);
  check(getres(77, &t) == -EINVAL);
  struct timeval v;
  const int64_t before = kernel_ns(CLOCK_REALTIME) / 1000;
  check(timeofday(&v, NULL) == 0 && v.tv_sec * 1000000LL + v.tv_usec >= before &&
        v.tv_sec * 1000000LL + v.tv_usec <= kernel_ns(CLOCK_REALTIME) / 1000);
  const pid_t child = fork();
  if (child == 0) {
    *(volatile int*)(uintptr_t)(base - 4096) = 1;
    _exit(0);
  }
  int status = 0;
  check_named(waitpid(child, &status, 0) == child && WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV,
              "the kernel's page cannot be written");
#ifdef __aarch64__
  check(find("__vdso_time") == NULL);
#else
  time_t (*seconds)(time_t*) = (time_t (*)(time_t*))find(NAME("time"));
  int (*cpu_number)(unsigned*, unsigned*, void*) = (int (*)(unsigned*, unsigned*, void*))find(NAME("getcpu"));
  unsigned cpu = 99, node = 99;
  check(seconds != NULL && cpu_number != NULL && seconds(NULL) >= v.tv_sec &&
        cpu_number(&cpu, &node, NULL) == 0 && cpu == (unsigned)nr_cpus - 1 && node < 8);
#endif
  return finished();
}
