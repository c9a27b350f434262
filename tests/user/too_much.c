// SPDX-License-Identifier: Apache-2.0
// Programs that want more than there is: memory (the one that asks is killed, everybody else goes on) and
// processes (RLIMIT_NPROC).
#define _GNU_SOURCE
#include "tests/user/ktap.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/sysinfo.h>
#include <sys/wait.h>
#include <unistd.h>

/// Touches half as much again as the machine has, page by page.
static void eat(void) {
  struct sysinfo info;
  sysinfo(&info);
  const size_t size = info.totalram / 2 * 3;
  char* memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) _exit(2);
  for (size_t at = 0; at < size; at += 4096) memory[at] = 1;
  _exit(0);
}

static void memory(void) {
  struct sysinfo before, after;
  sysinfo(&before);
  const pid_t pid = fork();
  if (pid == 0) eat();
  int status = 0;
  check(waitpid(pid, &status, 0) == pid && WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
  sysinfo(&after);
  check_named(after.freeram + (4 << 20) > before.freeram, "its memory is free again");
  char* mine = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  check(mine != MAP_FAILED && memset(mine, 7, 1 << 20) == mine && mine[(1 << 20) - 1] == 7);
}

/// As many children as it gets; the error that ended it.
static void fork_until_it_fails(void) {
  int made = 0;
  pid_t pid;
  while (made < 100 && (pid = fork()) > 0) ++made;
  if (pid == 0)
    for (;;) pause();
  const int error = errno;
  kill(-1, SIGKILL); // this user's
  while (wait(NULL) > 0) {
  }
  _exit(made == 7 && error == EAGAIN ? 0 : 1);
}

static void processes(void) {
  const pid_t pid = fork();
  if (pid == 0) {
    const struct rlimit few = {8, 8}; // with itself
    if (setrlimit(RLIMIT_NPROC, &few) != 0 || setuid(1234) != 0) _exit(2);
    fork_until_it_fails();
  }
  int status = 0;
  check(waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

int main(void) {
  plan(4);
  memory();
  processes();
  return finished();
}
