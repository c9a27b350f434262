// SPDX-License-Identifier: Apache-2.0
// Memory mapped far apart and unmapped again, thousands of times: what the page tables take is given back,
// also with threads that share the memory and children that copy it.
#define _GNU_SOURCE
#include "tests/user/ktap.h"

#include <pthread.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { THREADS = 3 };

/// KiB of all page tables.
static long tables(void) {
  FILE* file = fopen("/proc/meminfo", "r");
  if (file == NULL) return -1;
  char line[128];
  long size = -1;
  while (fgets(line, sizeof line, file) != NULL)
    if (sscanf(line, "PageTables: %ld kB", &size) == 1) break;
  fclose(file);
  return size;
}

/// `rounds` times a page somewhere above 1 TiB; `seed` keeps threads apart within tables they share.
static uintptr_t wander(int rounds, uint32_t seed) {
  uint32_t random = seed * 2654435761u + 1;
  for (int i = 0; i < rounds; ++i) {
    random = random * 1664525 + 1013904223;
    const uintptr_t at =
        ((uintptr_t)1 << 40) + (uintptr_t)(random >> 16) * (1 << 29) + (uintptr_t)seed * 0x10000;
    volatile char* page = mmap((void*)at, 4096, PROT_READ | PROT_WRITE,
                               MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
    if ((uintptr_t)page != at || page[7] != 0) return 1;
    page[7] = (char)i;
    if (page[7] != (char)i || munmap((void*)at, 4096) != 0) return 1;
  }
  return 0;
}

static void* wander_in_thread(void* seed) { return (void*)wander(100, (uint32_t)(uintptr_t)seed); }

static int fork_beside(int times) {
  int wrong = 0;
  for (int i = 0; i < times; ++i) {
    const pid_t pid = fork();
    if (pid == 0) _exit((int)wander(20, 100));
    int status = 1;
    wrong += waitpid(pid, &status, 0) != pid || status != 0;
  }
  return wrong;
}

int main(void) {
  plan(4);
  wander(1, 1);
  const long before = tables();
  check(before > 0);
  check(wander(1000, 1) == 0);
  pthread_t threads[THREADS];
  for (uintptr_t i = 0; i < THREADS; ++i) pthread_create(&threads[i], NULL, wander_in_thread, (void*)(i + 2));
  uintptr_t wrong = (uintptr_t)fork_beside(5);
  for (int i = 0; i < THREADS; ++i) {
    void* result;
    pthread_join(threads[i], &result);
    wrong += (uintptr_t)result;
  }
  check(wrong == 0);
  // Stacks of the threads are kept by the library.
  check(tables() < before + 64);
  return finished();
}
