// SPDX-License-Identifier: Apache-2.0
// /proc/schedstat, version 17: its lines have their fields, what balancing counts adds up, and a CPU's line
// follows what a program does there. Property O04 of sched_core.
#define _GNU_SOURCE
#include "tests/user/burn.h"
#include "tests/user/ktap.h"

#include <ctype.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdint.h>
#include <unistd.h>

enum { kMostCpus = 64, kMostDomains = 8, kCpuFields = 9, kDomainFields = 45, kIdleTypes = 3, kPerType = 11 };
enum { kYields, kZero, kSchedules, kIdlePicks, kWakes, kLocalWakes, kRan, kWaited, kSlices };
enum { kAttempts, kBalanced, kFailed, kGained = 7, kHotGained, kNoQueue, kNoGroup };
enum { kActive = 33, kActiveFailed, kActivePushed, kFirstUnused, kRemoteWakes = 42, kAffine };

struct domain {
  char name[8], mask[24];
  uint64_t count[kDomainFields];
};
static struct stat_file {
  uint64_t timestamp;
  int cpus, domains[kMostCpus];
  uint64_t cpu[kMostCpus][kCpuFields];
  struct domain domain[kMostCpus][kMostDomains];
} before, after;

/* Exactly `most` numbers to the end of the line; how many there are. */
static int numbers(const char* at, uint64_t* to, int most) {
  int n = 0;
  while (*at == ' ' && isdigit((unsigned char)at[1])) {
    char* end;
    const uint64_t value = strtoull(at + 1, &end, 10);
    if (n < most) to[n] = value;
    ++n;
    at = end;
  }
  return *at == '\n' ? n : -1;
}

static int line_into(struct stat_file* s, const char* line) {
  int number, used = 0;
  struct domain d;
  if (sscanf(line, "cpu%d%n", &number, &used) == 1 && used != 0)
    return s->cpus < kMostCpus && number == s->cpus &&
           numbers(line + used, s->cpu[s->cpus++], kCpuFields) == kCpuFields;
  if (sscanf(line, "domain%d %7s %23[0-9a-f,]%n", &number, d.name, d.mask, &used) == 3 && used != 0) {
    const int cpu = s->cpus - 1;
    if (cpu < 0 || number != s->domains[cpu] || number >= kMostDomains) return 0;
    if (numbers(line + used, d.count, kDomainFields) != kDomainFields) return 0;
    s->domain[cpu][s->domains[cpu]++] = d;
    return 1;
  }
  return 0;
}
/* All lines are as they should be. */
static int read_stat(struct stat_file* s) {
  char line[1024];
  unsigned long timestamp = 0;
  int right;
  memset(s, 0, sizeof *s);
  FILE* file = fopen("/proc/schedstat", "r");
  if (file == NULL) return 0;
  right = fgets(line, sizeof line, file) != NULL && strcmp(line, "version 17\n") == 0;
  right &= fgets(line, sizeof line, file) != NULL && sscanf(line, "timestamp %lu\n", &timestamp) == 1;
  while (right && fgets(line, sizeof line, file) != NULL) {
    right = line_into(s, line);
    if (!right) printf("# %s", line);
  }
  fclose(file);
  s->timestamp = timestamp;
  return right;
}

/* The bit of `cpu` in a mask of words of 32 bits, the highest first. */
static int is_in(const char* mask, int cpu) {
  const size_t length = strlen(mask);
  size_t digit = (size_t)cpu / 4 + (size_t)cpu / 32; // one comma a word
  if (digit >= length) return 0;
  const char c = mask[length - 1 - digit];
  return (isdigit((unsigned char)c) ? c - '0' : c - 'a' + 10) >> (cpu % 4) & 1;
}

static void shape(void) {
  const int cpus = (int)sysconf(_SC_NPROCESSORS_ONLN);
  const size_t digits = (size_t)(cpus % 32 + 3) / 4 + (size_t)cpus / 32 * 8;
  int right = 1, adds_up = 1;
  check_named(read_stat(&before) && before.cpus == cpus, "each line has its fields, and each CPU a line");
  for (int cpu = 0; cpu < before.cpus; ++cpu) {
    right &= before.cpu[cpu][kZero] == 0 && (cpus == 1 || before.domains[cpu] > 0);
    for (int i = 0; i < before.domains[cpu]; ++i) {
      const struct domain* const d = &before.domain[cpu][i];
      right &= is_in(d->mask, cpu) && strlen(d->mask) - (cpus > 32) == digits;
      right &= strstr("SMT CLS MC PKG NODE NUMA", d->name) != NULL;
      for (int n = 0; n < 6; ++n) right &= d->count[kFirstUnused + n] == 0;
      for (int type = 0; type < kIdleTypes; ++type) {
        const uint64_t* const n = d->count + type * kPerType;
        adds_up &= n[kAttempts] >= n[kBalanced] + n[kFailed] && n[kGained] >= n[kHotGained];
        adds_up &= n[kBalanced] >= n[kNoQueue] + n[kNoGroup];
      }
      adds_up &= d->count[kActive] == d->count[kActiveFailed] + d->count[kActivePushed];
    }
  }
  check_named(right, "domains have names, masks with their CPU, and no counts where nobody counts");
  check_named(adds_up, "attempts are balanced, failed or moved something");
}

static int run_on(int cpu) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(cpu, &set);
  return sched_setaffinity(0, sizeof set, &set);
}
static uint64_t more(int cpu, int field) { return after.cpu[cpu][field] - before.cpu[cpu][field]; }

/* By every domain of `cpu`, how many more wake-ups went from there to others. */
static uint64_t more_remote(int cpu) {
  uint64_t sum = 0;
  for (int i = 0; i < before.domains[cpu]; ++i)
    sum += after.domain[cpu][i].count[kRemoteWakes] - before.domain[cpu][i].count[kRemoteWakes];
  return sum;
}

static sem_t ask, answer;
static void* sleeper(void* cpu) {
  run_on(*(const int*)cpu);
  for (;;) {
    sem_wait(&ask);
    sem_post(&answer);
    if (*(volatile const int*)cpu < 0) return NULL;
  }
}
/* `rounds` wake-ups of a thread of that CPU. */
static void wake(int cpu, int rounds) {
  volatile int where = cpu;
  pthread_t thread;
  pthread_create(&thread, NULL, sleeper, (void*)&where);
  for (int i = -1; i < rounds; ++i) {
    if (i == 0) read_stat(&before);
    sem_post(&ask);
    sem_wait(&answer);
    usleep(50); // it is asleep again
  }
  read_stat(&after);
  where = -1;
  sem_post(&ask);
  pthread_join(thread, NULL);
}

int main(void) {
  enum { kRounds = 50 };
  const int last = (int)sysconf(_SC_NPROCESSORS_ONLN) - 1;
  plan(8);
  shape();
  run_on(0);
  read_stat(&before);
  for (int i = 0; i < kRounds; ++i) sched_yield();
  read_stat(&after);
  check_named(more(0, kYields) >= kRounds, "yields are counted");
  check_named(after.timestamp >= before.timestamp && after.timestamp - before.timestamp < 1000,
              "time passes");

  read_stat(&before);
  for (int i = 0; i < 3000; ++i) burn();
  read_stat(&after);
  check_named(more(0, kRan) >= 10000000, "time a task runs is counted");

  sem_init(&ask, 0, 0);
  sem_init(&answer, 0, 0);
  wake(0, kRounds);
  check_named(more(0, kLocalWakes) >= kRounds && more(0, kWakes) >= more(0, kLocalWakes) &&
                  more(0, kSchedules) >= more(0, kSlices) && more(0, kSlices) >= 2 * kRounds,
              "wake-ups, and the slices they end in, are counted");
  if (last == 0) {
    check_named(1, "a wake-up for another CPU is no local one # SKIP one CPU");
  } else {
    wake(last, kRounds);
    check_named(more(0, kWakes) - more(0, kLocalWakes) >= kRounds &&
                    more_remote(0) == more(0, kWakes) - more(0, kLocalWakes),
                "a wake-up for another CPU is no local one, and its domain knows");
  }
  return finished();
}
