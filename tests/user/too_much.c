// SPDX-License-Identifier: Apache-2.0
// Programs that want more than there is: memory (the one that asks is killed, everybody else goes on) and
// processes (RLIMIT_NPROC).
#define _GNU_SOURCE
#include "tests/user/ktap.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/sysinfo.h>
#include <sys/wait.h>
#include <unistd.h>

enum { EATERS = 4 };

/// Room for half as much again as the machine has; nothing of it is there yet.
static char* room(size_t* size) {
  struct sysinfo info;
  sysinfo(&info);
  *size = info.totalram / 2 * 3;
  char* memory =
      mmap(NULL, *size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) _exit(2);
  return memory;
}

/// Touches all of it, page by page.
static void* touch_all(void* unused) {
  size_t size;
  char* memory = room(&size);
  for (size_t at = 0; at < size; at += 4096) memory[at] = 1;
  return unused;
}
static void eat(void) { touch_all(NULL); }

/// The same with threads of one process.
static void eat_together(void) {
  pthread_t threads[EATERS - 1];
  for (int i = 0; i < EATERS - 1; ++i) pthread_create(&threads[i], NULL, touch_all, NULL);
  touch_all(NULL);
}

/// The same by the kernel's writes.
static void eat_by_reads(void) {
  size_t size;
  char* memory = room(&size);
  const int zeros = open("/dev/zero", O_RDONLY);
  for (size_t at = 0; at < size; at += 1 << 20)
    if (read(zeros, memory + at, 1 << 20) != 1 << 20) _exit(3); // never seen: killed within
}

/// After a fork: the pages that are shared with the child, and will be written to while there is no memory,
/// are this process's own from here on.
static void own_pages(void) {
  volatile char stack[3 * 4096];
  for (size_t at = 0; at < sizeof stack; at += 1024) stack[at] = 1;
  *(volatile int*)&ktap_failed += 0;
}

/// A child that waits until it is let go.
static pid_t fork_waiting(const int gate[2], void (*what)(void)) {
  const pid_t pid = fork();
  if (pid != 0) return pid;
  char byte;
  if (read(gate[0], &byte, 1) != 1) _exit(4);
  what();
  _exit(0);
}

/// Runs `what` in `count` children at the same time; all of them have to be killed.
static int are_killed(int count, void (*what)(void)) {
  int gate[2], wrong = 0;
  pid_t children[EATERS];
  if (pipe(gate) != 0) return 0;
  for (int i = 0; i < count; ++i) children[i] = fork_waiting(gate, what);
  own_pages();
  wrong += write(gate[1], "1234", (size_t)count) != count;
  for (int i = 0; i < count; ++i) {
    int status = 0;
    wrong += waitpid(children[i], &status, 0) != children[i];
    wrong += !WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL;
  }
  close(gate[0]);
  close(gate[1]);
  return wrong == 0;
}

static void memory(void) {
  struct sysinfo before, after;
  sysinfo(&before);
  check(are_killed(1, eat));
  check(are_killed(1, eat_by_reads));
  check(are_killed(1, eat_together));
  check(are_killed(EATERS, eat));
  sysinfo(&after);
  check_named(after.freeram + (4 << 20) > before.freeram, "its memory is free again");
  char* mine = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  check(mine != MAP_FAILED && memset(mine, 7, 1 << 20) == mine && mine[(1 << 20) - 1] == 7);
}

/// Children that keep a megabyte each, until there is no memory for another one.
static void fork_until_memory_ends(void) {
  pid_t pid;
  while ((pid = fork()) > 0) {
  }
  if (pid == 0) {
    char* mine =
        mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
    for (size_t at = 0; mine != MAP_FAILED && at < 1 << 20; at += 4096) mine[at] = 1;
    for (;;) pause();
  }
  _exit(errno == ENOMEM ? 0 : 1);
}

static void forks(void) {
  int gate[2], status = 0;
  if (!check(pipe(gate) == 0)) return;
  const pid_t pid = fork_waiting(gate, fork_until_memory_ends);
  setpgid(pid, pid);
  own_pages();
  const ssize_t written = write(gate[1], "x", 1);
  const pid_t ended = waitpid(pid, &status, 0);
  // Its children still hold the memory.
  while (kill(-pid, SIGKILL) == 0) usleep(1000);
  // It was told that there is no more, or killed where a page of its own was wanted.
  check(written == 1 && ended == pid);
  check(status == 0 || (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL));
  close(gate[0]);
  close(gate[1]);
}

/// As many children as it gets; their number when EAGAIN ended it.
static int fork_until_it_fails(void) {
  int made = 0;
  pid_t pid;
  while (made < 100 && (pid = fork()) > 0) ++made;
  if (pid == 0)
    for (;;) pause();
  return errno == EAGAIN ? made : 100;
}

static void become_limited(rlim_t most) {
  const struct rlimit few = {most, most}; // with itself
  if (setrlimit(RLIMIT_NPROC, &few) != 0 || setuid(1234) != 0) _exit(2);
}

static void end_all_children(void) {
  kill(-1, SIGKILL); // this user's
  while (wait(NULL) > 0) {
  }
}

static void* wait_for_ever(void* unused) {
  for (;;) pause();
  return unused;
}

static int exit_status_of(void (*what)(void)) {
  const pid_t pid = fork();
  if (pid == 0) what();
  int status = 0;
  return waitpid(pid, &status, 0) == pid && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void fork_alone(void) {
  become_limited(8);
  const int made = fork_until_it_fails();
  end_all_children();
  _exit(made == 7 ? 0 : 1);
}

/// Threads count as processes do.
static void fork_with_threads(void) {
  become_limited(8);
  pthread_t thread;
  int error = 0, threads = 0;
  while (threads < 5 && pthread_create(&thread, NULL, wait_for_ever, NULL) == 0) ++threads;
  const int made = fork_until_it_fails();
  error = pthread_create(&thread, NULL, wait_for_ever, NULL);
  end_all_children();
  _exit(threads == 5 && made == 2 && error == EAGAIN ? 0 : 1);
}

/// Several at once, on as many CPUs as there are: together they get exactly what one would.
static void fork_at_once(void) {
  enum { FORKERS = 4, MOST = 25 };
  become_limited(MOST);
  int start[2], answer[2];
  if (pipe(start) != 0 || pipe(answer) != 0) _exit(2);
  for (int i = 0; i < FORKERS; ++i) {
    if (fork() == 0) {
      char byte = 0;
      if (read(start[0], &byte, 1) != 1) _exit(2);
      byte = (char)fork_until_it_fails();
      if (write(answer[1], &byte, 1) != 1) _exit(2);
      for (;;) pause();
    }
  }
  if (write(start[1], "1234", FORKERS) != FORKERS) _exit(2);
  int made = 0;
  for (int i = 0; i < FORKERS; ++i) {
    char byte = 0;
    if (read(answer[0], &byte, 1) != 1) _exit(2);
    made += byte;
  }
  end_all_children();
  _exit(made == MOST - 1 - FORKERS ? 0 : 1);
}

static void processes(void) {
  check(exit_status_of(fork_alone) == 0);
  check(exit_status_of(fork_with_threads) == 0);
  check(exit_status_of(fork_at_once) == 0);
}

int main(void) {
  plan(12);
  memory();
  forks();
  processes();
  return finished();
}
