// SPDX-License-Identifier: Apache-2.0
// Processes and threads as a program sees them: fork, vfork, clone, exec, exit, waiting, groups (spec
// clone_ns 2, 3, 8).
#define _GNU_SOURCE
#include "ktap.h"

#include <fcntl.h>
#include <linux/sched.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static int shared_value = 1;

static void copies(void) {
  int* common = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  const pid_t parent = getpid();
  const pid_t pid = fork();
  if (pid == 0) {
    *common = getppid() == parent && shared_value == 1 ? 77 : 1;
    shared_value = 2; // its own copy
    _exit(shared_value == 2 ? 9 : 1);
  }
  int status = 0;
  check(pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 9);
  check(*common == 77 && shared_value == 1);
  check_errno(waitpid(pid, &status, 0), ECHILD);
  check_errno(waitpid(-1, &status, 0), ECHILD);
}

static void waiting(void) {
  int ends[2];
  check(pipe(ends) == 0);
  const pid_t pid = fork();
  if (pid == 0) {
    char byte;
    (void)!read(ends[0], &byte, 1);
    _exit(3);
  }
  int status = 0;
  siginfo_t info = {.si_pid = 99};
  check(waitpid(pid, &status, WNOHANG) == 0);
  check(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG) == 0 && info.si_pid == 0);
  (void)!write(ends[1], "x", 1);
  check(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT) == 0 && info.si_pid == pid &&
        info.si_code == CLD_EXITED && info.si_status == 3 && info.si_signo == SIGCHLD);
  check(waitpid(pid, &status, 0) == pid && WEXITSTATUS(status) == 3);
  check_errno(waitid(P_ALL, 0, &info, 0), EINVAL);
  check_errno(waitpid(pid, &status, 0x40), EINVAL);
}

static volatile int from_vfork;
static void vforks(void) {
  const pid_t pid = vfork();
  if (pid == 0) {
    from_vfork = 5; // the parent's memory
    _exit(0);
  }
  check(pid > 0 && from_vfork == 5);
  int status;
  check(waitpid(pid, &status, 0) == pid && status == 0);
}

/// Who waits for a vfork child is killed; the child ends later.
static int vfork_outlives_its_parent(volatile pid_t* number) {
  *number = 0;
  const pid_t middle = fork();
  if (middle == 0) {
    if (vfork() == 0) {
      *number = getpid();
      for (;;) pause();
    }
    _exit(0);
  }
  while (*number == 0) sched_yield();
  const pid_t inner = *number;
  kill(middle, SIGKILL);
  const int gone = waitpid(middle, NULL, 0) == middle;
  kill(inner, SIGKILL);
  while (kill(inner, 0) == 0) sched_yield();
  return gone;
}

static void lonely_vforks(void) {
  volatile pid_t* number = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  int gone = 1;
  for (int i = 0; i < 4; ++i) gone &= vfork_outlives_its_parent(number);
  check_named(gone, "a vfork child outlives its parent");
}

static void* add(void* counter) {
  for (int i = 0; i < 1000; ++i) __atomic_fetch_add((long*)counter, 1, __ATOMIC_RELAXED);
  return (void*)(uintptr_t)gettid();
}

static void threads(void) {
  long counter = 0;
  pthread_t thread[8];
  int made = 0;
  for (int i = 0; i < 8; ++i) made += pthread_create(&thread[i], NULL, add, &counter) == 0;
  check(made == 8);
  int distinct = 1;
  uintptr_t last = 0;
  for (int i = 0; i < 8; ++i) {
    void* tid;
    pthread_join(thread[i], &tid);
    distinct &= (uintptr_t)tid != last && (uintptr_t)tid != (uintptr_t)getpid();
    last = (uintptr_t)tid;
  }
  check(counter == 8000 && distinct);
}

static void* never_ends(void* unused) {
  for (;;) pause();
  return unused;
}

// exit_group, exec and a fatal signal end all threads; the status is that of who did it.
static void groups_of_threads(const char* self) {
  pid_t pid = fork();
  if (pid == 0) {
    pthread_t t;
    for (int i = 0; i < 3; ++i) pthread_create(&t, NULL, never_ends, NULL);
    _exit(21);
  }
  int status = 0;
  check(waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 21);
  pid = fork();
  if (pid == 0) {
    pthread_t t;
    for (int i = 0; i < 3; ++i) pthread_create(&t, NULL, never_ends, NULL);
    char* const args[] = {(char*)self, "child", NULL};
    char* const environment[] = {"A=b", NULL};
    execve(self, args, environment);
    _exit(99);
  }
  check(waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 42);
  pid = fork();
  if (pid == 0) {
    pthread_t t;
    for (int i = 0; i < 3; ++i) pthread_create(&t, NULL, never_ends, NULL);
    raise(SIGKILL);
  }
  check(waitpid(pid, &status, 0) == pid && WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

static long clone3(struct clone_args* args, size_t size) { return syscall(SYS_clone3, args, size); }

static void refusals(void) {
  struct clone_args args = {.flags = CLONE_SIGHAND, .exit_signal = SIGCHLD};
  check_errno(clone3(&args, sizeof args), EINVAL);
  args.flags = CLONE_VM | CLONE_SIGHAND | CLONE_THREAD;
  check_errno(clone3(&args, sizeof args), EINVAL); // with an exit signal
  args = (struct clone_args){.exit_signal = 65};
  check_errno(clone3(&args, sizeof args), EINVAL);
  args = (struct clone_args){.exit_signal = SIGCHLD, .stack = 4096};
  check_errno(clone3(&args, sizeof args), EINVAL);
  args = (struct clone_args){.exit_signal = SIGCHLD};
  check_errno(clone3(&args, 63), EINVAL);
  check_errno(clone3(&args, 5000), E2BIG);
  check_errno(syscall(SYS_clone3, 8, sizeof args), EFAULT);
}

static void process_groups(void) {
  const pid_t pid = fork();
  if (pid == 0)
    _exit(setpgid(0, 0) == 0 && getpgrp() == getpid() && setsid() == -1 && errno == EPERM ? 0 : 1);
  int status;
  check(waitpid(pid, &status, 0) == pid && status == 0);
  const pid_t other = fork();
  if (other == 0) _exit(setsid() == getpid() && getsid(0) == getpid() && getpgrp() == getpid() ? 0 : 1);
  check(waitpid(other, &status, 0) == other && status == 0);
  check_errno(setpgid(0, -1), EINVAL);
}

static void orphans(void) {
  int ends[2];
  check(pipe(ends) == 0);
  const pid_t pid = fork();
  if (pid == 0) {
    if (fork() == 0) {
      while (getppid() != 1) sched_yield();
      (void)!write(ends[1], "1", 1);
      _exit(0);
    }
    _exit(0);
  }
  int status;
  char byte = 0;
  check(waitpid(pid, &status, 0) == pid);
  check(read(ends[0], &byte, 1) == 1 && byte == '1');
}

static volatile sig_atomic_t children;
static void child_ended(int sig) {
  (void)sig;
  ++children;
}

static void telling_the_parent(void) {
  signal(SIGCHLD, child_ended);
  const pid_t pid = fork();
  if (pid == 0) _exit(0);
  int status;
  while (waitpid(pid, &status, 0) == -1 && errno == EINTR) {
  }
  check(children == 1);
  signal(SIGCHLD, SIG_IGN); // nobody needs to wait
  const pid_t unseen = fork();
  if (unseen == 0) _exit(0);
  check_errno(waitpid(unseen, &status, 0), ECHILD);
  signal(SIGCHLD, SIG_DFL);
}

/// Runs `path` with one argument; its exit status, or -1.
static int status_of(const char* path, const char* argument) {
  const pid_t pid = fork();
  if (pid == 0) {
    execl(path, "name", argument, (char*)NULL);
    _exit(errno);
  }
  int status;
  return waitpid(pid, &status, 0) == pid && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void write_script(const char* path, const char* text) {
  const int fd = open(path, O_CREAT | O_TRUNC | O_WRONLY, 0755);
  (void)!write(fd, text, strlen(text));
  close(fd);
}

/// A link that leads through /proc/self/exe means the file, not the name it was started by.
static void links_and_scripts(void) {
  check(symlink("/proc/self/exe", "/tmp/self") == 0);
  check(status_of("/tmp/self", "relink") == 42);
  write_script("/tmp/script", "#! /proc/self/exe  two words \nrest\n");
  check(status_of("/tmp/script", "more") == 43);
  write_script("/tmp/script", "#!/proc/self/exe\n");
  check(status_of("/tmp/script", "child") == 44);
  write_script("/tmp/script", "#!/none\n");
  check(status_of("/tmp/script", "") == ENOENT);
  write_script("/tmp/script", "#! \n");
  check(status_of("/tmp/script", "") == ENOEXEC);
  write_script("/tmp/script", "#!/tmp/script\n");
  check(status_of("/tmp/script", "") == ELOOP);
  unlink("/tmp/self");
  unlink("/tmp/script");
}

static int run_by_link_or_script(int argc, char** argv) {
  if (argc == 2 && strcmp(argv[1], "relink") == 0) {
    execl("/tmp/self", "again", "relinked", (char*)NULL);
    return errno;
  }
  char name[16] = {0};
  if (argc == 2 && strcmp(argv[1], "relinked") == 0)
    return prctl(PR_GET_NAME, name) == 0 && strcmp(name, "self") == 0 ? 42 : 1;
  if (argc == 4 && strcmp(argv[1], "two words") == 0)
    return strcmp(argv[0], "/proc/self/exe") == 0 && strcmp(argv[2], "/tmp/script") == 0 &&
                   strcmp(argv[3], "more") == 0
               ? 43
               : 1;
  if (argc == 3 && strcmp(argv[1], "/tmp/script") == 0) return strcmp(argv[2], "child") == 0 ? 44 : 1;
  return 0;
}

int main(int argc, char** argv) {
  const int run = run_by_link_or_script(argc, argv);
  if (run != 0) return run;
  if (argc == 2 && strcmp(argv[1], "child") == 0) return getenv("A") != NULL && gettid() == getpid() ? 42 : 1;
  plan(41);
  copies();
  waiting();
  vforks();
  lonely_vforks();
  threads();
  groups_of_threads("/proc/self/exe");
  refusals();
  process_groups();
  orphans();
  telling_the_parent();
  links_and_scripts();
  return finished();
}
