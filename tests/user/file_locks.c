// SPDX-License-Identifier: Apache-2.0
// Record locks of processes and of open files, and flock: who excludes whom, what releases them, what a wait
// for one ends with.
#define _GNU_SOURCE
#include "tests/user/ktap.h"

#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static const char name[] = "/tmp/locked";

static int set(int fd, int command, int type, off_t start, off_t length) {
  struct flock lock = {.l_type = (short)type, .l_whence = SEEK_SET, .l_start = start, .l_len = length};
  return fcntl(fd, command, &lock);
}

static struct flock get(int fd, int command, int type, off_t start, off_t length) {
  struct flock lock = {
      .l_type = (short)type, .l_whence = SEEK_SET, .l_start = start, .l_len = length, .l_pid = 0};
  if (fcntl(fd, command, &lock) != 0) lock.l_type = -1;
  return lock;
}

/// What a child ends with.
static int in_child(int (*what)(int), int argument) {
  const pid_t pid = fork();
  if (pid == 0) _exit(what(argument));
  int status = 0;
  return waitpid(pid, &status, 0) == pid && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/// 0: this process could have the lock on byte `at`, or the error.
static int try_write(int at) {
  const int fd = open(name, O_RDWR);
  const int error = set(fd, F_SETLK, F_WRLCK, at, 1) == 0 ? 0 : errno;
  close(fd);
  return error;
}
static int try_read(int at) {
  const int fd = open(name, O_RDWR);
  const int error = set(fd, F_SETLK, F_RDLCK, at, 1) == 0 ? 0 : errno;
  close(fd);
  return error;
}

static void arguments(int fd) {
  check_errno(fcntl(fd, F_SETLK, (void*)8), EFAULT);
  struct flock lock = {.l_type = F_WRLCK, .l_whence = 3};
  check_errno(fcntl(fd, F_SETLK, &lock), EINVAL);
  check_errno(set(fd, F_SETLK, 3, 0, 1), EINVAL);
  check_errno(set(fd, F_SETLK, F_WRLCK, -1, 1), EINVAL);
  check_errno(set(fd, F_SETLK, F_WRLCK, 4, -5), EINVAL);
  check_errno(set(fd, F_SETLK, F_WRLCK, LLONG_MAX, 2), EOVERFLOW);
  check_errno(set(99, F_SETLK, F_WRLCK, 0, 1), EBADF);
  lock = (struct flock){.l_type = F_UNLCK};
  check_errno(fcntl(fd, F_GETLK, &lock), EINVAL);
  lock = (struct flock){.l_type = F_WRLCK, .l_pid = 7};
  check_errno(fcntl(fd, F_OFD_SETLK, &lock), EINVAL);
  check_errno(fcntl(fd, F_OFD_GETLK, &lock), EINVAL);
  const int reader = open(name, O_RDONLY), writer = open(name, O_WRONLY), place = open(name, O_PATH);
  check_errno(set(reader, F_SETLK, F_WRLCK, 0, 1), EBADF);
  check_errno(set(writer, F_SETLK, F_RDLCK, 0, 1), EBADF);
  check_errno(set(place, F_SETLK, F_RDLCK, 0, 1), EBADF);
  check(set(reader, F_SETLK, F_RDLCK, 0, 1) == 0 && set(writer, F_SETLK, F_WRLCK, 0, 1) == 0);
  close(reader);
  close(writer);
  close(place);
}

static void ranges(int fd) {
  check(set(fd, F_SETLK, F_WRLCK, 10, 10) == 0 && set(fd, F_SETLK, F_RDLCK, 13, 2) == 0);
  check(in_child(try_write, 9) == 0 && in_child(try_write, 20) == 0);
  check(in_child(try_write, 13) == EAGAIN && in_child(try_read, 13) == 0);
  check(in_child(try_read, 12) == EAGAIN && in_child(try_read, 15) == EAGAIN);
  // Own ones never are in the way.
  check(get(fd, F_GETLK, F_WRLCK, 0, 0).l_type == F_UNLCK);
  // From where the file is; from its end; to its end.
  check(lseek(fd, 30, SEEK_SET) == 30);
  struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_CUR, .l_start = 1, .l_len = 1};
  check(fcntl(fd, F_SETLK, &lock) == 0 && in_child(try_write, 31) == EAGAIN && in_child(try_write, 30) == 0);
  lock = (struct flock){.l_type = F_WRLCK, .l_whence = SEEK_END, .l_start = 0, .l_len = -1};
  check(fcntl(fd, F_SETLK, &lock) == 0 && in_child(try_write, 99) == EAGAIN && in_child(try_write, 100) == 0);
  check(set(fd, F_SETLK, F_UNLCK, 0, 0) == 0 && in_child(try_write, 13) == 0);
}

static int look(int fd) {
  const pid_t parent = getppid();
  const struct flock found = get(fd, F_GETLK, F_RDLCK, 0, 0);
  if (found.l_type != F_WRLCK || found.l_start != 40 || found.l_len != 5 || found.l_pid != parent ||
      found.l_whence != SEEK_SET)
    return 1;
  const struct flock last = get(fd, F_GETLK, F_RDLCK, 50, 0);
  if (last.l_type != F_WRLCK || last.l_start != 60 || last.l_len != 0) return 2;
  return get(fd, F_GETLK, F_RDLCK, 45, 15).l_type == F_UNLCK ? 0 : 3;
}

static void release(int fd) {
  check(set(fd, F_SETLK, F_WRLCK, 40, 5) == 0 && set(fd, F_SETLK, F_WRLCK, 60, 0) == 0);
  check(in_child(look, fd) == 0); // children do not inherit them
  // Whichever descriptor of the file is closed.
  const int other = open(name, O_RDONLY);
  close(dup(fd));
  check(in_child(try_write, 40) == 0);
  check(set(fd, F_SETLK, F_WRLCK, 40, 5) == 0);
  check(dup2(fd, other) == other && in_child(try_write, 40) == 0);
  check(set(fd, F_SETLK, F_WRLCK, 40, 5) == 0);
  close(open(name, O_PATH)); // no open file of it
  check(in_child(try_write, 40) == EAGAIN);
  close(other);
  check(in_child(try_write, 40) == 0);
}

static volatile int* shared; // with children

static int wait_for_lock(int at) {
  const int fd = open(name, O_RDWR);
  shared[0] = 1;
  const int result = set(fd, F_SETLKW, F_WRLCK, at, 1);
  shared[1] = 1;
  return result == 0 ? 0 : errno;
}

static void start_waiting(pid_t* pid, int at) {
  shared[0] = shared[1] = 0;
  *pid = fork();
  if (*pid == 0) _exit(wait_for_lock(at));
  while (shared[0] == 0) usleep(1000);
  usleep(20000);
}

static int end_of(pid_t pid) {
  int status = 0;
  return waitpid(pid, &status, 0) == pid && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void on_signal(int signal) { (void)signal; }

static void waiting(int fd) {
  pid_t pid;
  check(set(fd, F_SETLK, F_WRLCK, 0, 10) == 0);
  start_waiting(&pid, 5);
  check(shared[1] == 0);
  check(set(fd, F_SETLK, F_UNLCK, 0, 5) == 0); // not that one
  usleep(5000);
  check(shared[1] == 0);
  check(set(fd, F_SETLK, F_UNLCK, 5, 1) == 0 && end_of(pid) == 0);
  // The holder's end releases it.
  start_waiting(&pid, 20);
  check(end_of(pid) == 0);
  int go[2];
  check(pipe(go) == 0);
  const pid_t holder = fork();
  if (holder == 0) {
    set(fd, F_SETLK, F_WRLCK, 70, 1);
    if (write(go[1], "x", 1) == 1) pause();
    _exit(1);
  }
  char byte;
  check(read(go[0], &byte, 1) == 1);
  start_waiting(&pid, 70);
  check(shared[1] == 0);
  kill(holder, SIGKILL);
  check(end_of(pid) == 0 && end_of(holder) == -1);
  close(go[0]);
  close(go[1]);
  // A signal ends the wait, or, with SA_RESTART, does not.
  check(set(fd, F_SETLK, F_WRLCK, 80, 1) == 0);
  struct sigaction action = {.sa_handler = on_signal};
  sigaction(SIGUSR1, &action, NULL);
  start_waiting(&pid, 80);
  kill(pid, SIGUSR1);
  check(end_of(pid) == EINTR);
  action.sa_flags = SA_RESTART;
  sigaction(SIGUSR1, &action, NULL);
  start_waiting(&pid, 80);
  kill(pid, SIGUSR1);
  usleep(10000);
  check(shared[1] == 0);
  check(set(fd, F_SETLK, F_UNLCK, 80, 1) == 0 && end_of(pid) == 0);
}

static int hold_and_want(int fd) {
  if (set(fd, F_SETLK, F_WRLCK, 2, 1) != 0) return 1;
  shared[0] = 1;
  const int result = set(fd, F_SETLKW, F_WRLCK, 1, 1); // the parent's
  return result == 0 ? 0 : errno;
}

static void deadlock(int fd) {
  check(set(fd, F_SETLK, F_WRLCK, 1, 1) == 0);
  shared[0] = 0;
  const pid_t pid = fork();
  if (pid == 0) _exit(hold_and_want(fd));
  while (shared[0] == 0) usleep(1000);
  usleep(20000);
  check_errno(set(fd, F_SETLKW, F_WRLCK, 2, 1), EDEADLK);
  check_errno(set(fd, F_SETLK, F_WRLCK, 2, 1), EAGAIN);
  check(set(fd, F_SETLK, F_UNLCK, 0, 0) == 0 && end_of(pid) == 0);
  check(set(fd, F_SETLKW, F_WRLCK, 2, 1) == 0 && set(fd, F_SETLK, F_UNLCK, 0, 0) == 0);
}

static int close_it(int fd) { return close(fd); }

static void open_files(int fd) {
  const int other = open(name, O_RDWR);
  check(set(fd, F_OFD_SETLK, F_WRLCK, 0, 10) == 0);
  check_errno(set(other, F_OFD_SETLK, F_RDLCK, 9, 1), EAGAIN);
  check_errno(set(fd, F_SETLK, F_RDLCK, 9, 1), EAGAIN); // the process is another owner
  const struct flock found = get(other, F_OFD_GETLK, F_RDLCK, 0, 0);
  check(found.l_type == F_WRLCK && found.l_pid == -1 && found.l_start == 0 && found.l_len == 10);
  check(get(fd, F_OFD_GETLK, F_UNLCK, 0, 0).l_type == F_WRLCK); // its own
  // Lasts as long as the open file, whoever closes descriptors.
  const int same = dup(fd);
  close(same);
  check(in_child(close_it, fd) == 0 && in_child(try_read, 0) == EAGAIN);
  const int last = open(name, O_RDWR);
  check(set(fd, F_OFD_SETLK, F_UNLCK, 0, 0) == 0 && set(last, F_OFD_SETLK, F_WRLCK, 0, 0) == 0);
  check_errno(set(fd, F_OFD_SETLK, F_WRLCK, 5, 1), EAGAIN);
  close(last);
  check(set(fd, F_OFD_SETLK, F_WRLCK, 5, 1) == 0 && set(fd, F_OFD_SETLK, F_UNLCK, 5, 1) == 0);
  close(other);
}

static void whole(int fd) {
  const int other = open(name, O_RDONLY);
  check_errno(flock(fd, 0), EINVAL);
  check_errno(flock(fd, LOCK_SH | LOCK_EX), EINVAL);
  check_errno(flock(99, LOCK_SH), EBADF);
  check(flock(fd, LOCK_SH) == 0 && flock(other, LOCK_SH | LOCK_NB) == 0);
  check_errno(flock(fd, LOCK_EX | LOCK_NB), EWOULDBLOCK);
  check(flock(fd, LOCK_UN) == 0 && flock(other, LOCK_EX | LOCK_NB) == 0);
  check_errno(flock(fd, LOCK_SH | LOCK_NB), EWOULDBLOCK);
  check(set(fd, F_SETLK, F_WRLCK, 0, 0) == 0 &&
        set(fd, F_SETLK, F_UNLCK, 0, 0) == 0); // nothing to do with them
  // A child has the same open file.
  const pid_t pid = fork();
  if (pid == 0) {
    usleep(20000);
    _exit(flock(other, LOCK_UN) == 0 ? 0 : 1);
  }
  check(flock(fd, LOCK_EX) == 0 && end_of(pid) == 0);
  check_errno(flock(other, LOCK_EX | LOCK_NB), EWOULDBLOCK);
  const int same = dup(fd);
  check(flock(same, LOCK_UN) == 0 && flock(other, LOCK_EX | LOCK_NB) == 0);
  close(other);
  check(flock(fd, LOCK_EX | LOCK_NB) == 0 && flock(fd, LOCK_UN) == 0);
  close(same);
}

/// Each adds to a number in the file, read and written back in a locked section.
static int count_up(int times) {
  const int fd = open(name, O_RDWR);
  for (int i = 0; i < times; ++i) {
    int32_t value = 0;
    if (set(fd, F_SETLKW, F_WRLCK, 0, 4) != 0 || pread(fd, &value, 4, 0) != 4) return 1;
    if (i % 8 == 0) sched_yield();
    ++value;
    if (pwrite(fd, &value, 4, 0) != 4 || set(fd, F_SETLK, F_UNLCK, 0, 4) != 0) return 1;
  }
  return 0;
}

static void exclusion(int fd) {
  enum { PROCESSES = 4, TIMES = 60 };
  int32_t value = 0;
  pid_t pids[PROCESSES];
  int wrong = pwrite(fd, &value, 4, 0) != 4;
  for (int i = 0; i < PROCESSES; ++i) {
    pids[i] = fork();
    if (pids[i] == 0) _exit(count_up(TIMES));
  }
  for (int i = 0; i < PROCESSES; ++i) wrong += end_of(pids[i]) != 0;
  check(wrong == 0 && pread(fd, &value, 4, 0) == 4 && value == PROCESSES * TIMES);
}

int main(void) {
  plan(73);
  shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  mkdir("/tmp", 0777);
  const int fd = open(name, O_RDWR | O_CREAT | O_TRUNC, 0666);
  if (!check(fd >= 0 && ftruncate(fd, 100) == 0)) return 1;
  arguments(fd);
  ranges(fd);
  release(fd);
  waiting(fd);
  deadlock(fd);
  open_files(fd);
  whole(fd);
  exclusion(fd);
  close(fd);
  unlink(name);
  return finished();
}
