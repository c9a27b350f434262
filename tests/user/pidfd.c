// SPDX-License-Identifier: Apache-2.0
// Descriptors that mean a process: opened, given by clone3, waited for, polled, signalled through (spec
// clone_ns 6, 7).
#define _GNU_SOURCE
#include "tests/user/ktap.h"

#include <fcntl.h>
#include <linux/sched.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define P_PIDFD_ 3
#define AUTOREAP (1ull << 34)
#define NNP (1ull << 35)
#define AUTOKILL (1ull << 36)

static int pidfd_open_(pid_t pid, unsigned flags) { return (int)syscall(SYS_pidfd_open, pid, flags); }
static int send(int fd, int sig, siginfo_t* info, unsigned flags) {
  return (int)syscall(SYS_pidfd_send_signal, fd, sig, info, flags);
}
static int getfd(int fd, int number, unsigned flags) {
  return (int)syscall(SYS_pidfd_getfd, fd, number, flags);
}

/// A child that waits for a signal, and its pidfd.
static pid_t start(uint64_t flags, int exit_signal, int* pidfd) {
  struct clone_args args = {
      .flags = flags | CLONE_PIDFD, .pidfd = (uintptr_t)pidfd, .exit_signal = (uint64_t)exit_signal};
  const pid_t pid = (pid_t)syscall(SYS_clone3, &args, sizeof args);
  if (pid == 0)
    for (;;) pause();
  return pid;
}

static int events_of(int fd, int timeout) {
  struct pollfd p = {fd, POLLIN, 0};
  return poll(&p, 1, timeout) < 0 ? -1 : p.revents;
}

static void opening(void) {
  check_errno(pidfd_open_(0, 0), EINVAL); // P01
  check_errno(pidfd_open_(-5, 0), EINVAL);
  check_errno(pidfd_open_(getpid(), 1), EINVAL);
  check_errno(pidfd_open_(4194000, 0), ESRCH);
  const int fd = pidfd_open_(getpid(), O_NONBLOCK);
  check(fd >= 0 && fcntl(fd, F_GETFD) == FD_CLOEXEC &&
        (fcntl(fd, F_GETFL) & (O_ACCMODE | O_NONBLOCK)) == (O_RDWR | O_NONBLOCK));
  char text[8];
  check_errno(read(fd, text, 1), EINVAL);
  check_errno(write(fd, text, 1), EINVAL);
  check_errno(lseek(fd, 0, SEEK_SET), ESPIPE);
  const int again = pidfd_open_(getpid(), 0), other = pidfd_open_(getppid() > 1 ? getppid() : getpid(), 0);
  struct stat one, two;
  check(fstat(fd, &one) == 0 && fstat(again, &two) == 0 && one.st_ino == two.st_ino && one.st_mode == 0700);
  check(events_of(fd, 0) == 0);
  close(fd);
  close(again);
  close(other);
}

static void life_and_death(void) {
  int fd = -1;
  const pid_t pid = start(0, SIGCHLD, &fd);
  check(pid > 0 && fd >= 0 && fcntl(fd, F_GETFD) == FD_CLOEXEC);
  siginfo_t info = {0};
  check(waitid(P_PIDFD_, (id_t)fd, &info, WEXITED | WNOHANG) == 0 && info.si_pid == 0);
  fcntl(fd, F_SETFL, O_NONBLOCK);
  check_errno(waitid(P_PIDFD_, (id_t)fd, &info, WEXITED), EAGAIN); // P08
  const int set = epoll_create1(0);
  struct epoll_event event = {.events = EPOLLIN, .data = {.u64 = 9}};
  check(epoll_ctl(set, EPOLL_CTL_ADD, fd, &event) == 0 && epoll_wait(set, &event, 1, 0) == 0);
  check(send(fd, 0, NULL, 0) == 0 && events_of(fd, 0) == 0);
  check(send(fd, SIGTERM, NULL, 0) == 0);
  check(events_of(fd, -1) == POLLIN); // waits for it
  check(epoll_wait(set, &event, 1, -1) == 1 && event.data.u64 == 9);
  check(send(fd, SIGTERM, NULL, 0) == 0); // a zombie takes anything
  check(waitid(P_PIDFD_, (id_t)fd, &info, WEXITED) == 0 && info.si_pid == pid && info.si_status == SIGTERM);
  check(events_of(fd, 0) == (POLLIN | POLLHUP));
  check_errno(send(fd, 0, NULL, 0), ESRCH);
  check_errno(waitid(P_PIDFD_, (id_t)fd, &info, WEXITED), ECHILD);
  struct {
    uint64_t mask, words[7];
  } told = {8, {0}}; // PIDFD_INFO_EXIT
  check(ioctl(fd, 0xc040ff0b, &told) == 0 && (told.mask & 8) != 0 && (int)(told.words[6] >> 32) == SIGTERM);
  told.mask = 1;
  check_errno(ioctl(fd, 0xc040ff0b, &told), ESRCH);
  close(set);
  close(fd);
}

static void refusals(void) {
  siginfo_t info = {0};
  check_errno(waitid(P_PIDFD_, (id_t)-1, &info, WEXITED), EINVAL);
  check_errno(waitid(P_PIDFD_, 1, &info, WEXITED), EBADF);
  check_errno(send(1, 0, NULL, 0), EBADF);
  const int self = pidfd_open_(getpid(), 0);
  check_errno(send(self, 0, NULL, 3), EINVAL);
  check_errno(send(self, 65, NULL, 0), EINVAL);
  info.si_signo = SIGUSR1;
  check_errno(send(self, SIGUSR2, &info, 0), EINVAL);
  check_errno(waitid(P_PIDFD_, (id_t)self, &info, WEXITED), ECHILD);
  int fd = -1;
  // C09: no child where the number cannot be told.
  struct clone_args args = {.flags = CLONE_PIDFD, .pidfd = 8, .exit_signal = SIGCHLD};
  check_errno(syscall(SYS_clone3, &args, sizeof args), EFAULT);
  check_errno(waitpid(-1, NULL, 0), ECHILD);
  const pid_t pid = start(0, SIGCHLD, &fd);
  info.si_signo = SIGUSR1;
  info.si_code = 0;
  check_errno(send(fd, SIGUSR1, &info, 0), EPERM);
  check_errno(getfd(fd, 0, 1), EINVAL);
  check_errno(getfd(fd, 999, 0), EBADF);
  int ends[2];
  check(pipe(ends) == 0);
  const int mine = getfd(self, ends[1], 0);
  char text[4];
  check(mine >= 0 && fcntl(mine, F_GETFD) == FD_CLOEXEC && write(mine, "abc", 3) == 3 &&
        read(ends[0], text, 4) == 3);
  kill(pid, SIGKILL);
  check(waitpid(pid, NULL, 0) == pid);
  check_errno(getfd(fd, 0, 0), ESRCH);
  close(fd);
  close(self);
}

static void exit_statuses(void) { // A05, some of them
  int good = 1;
  for (int code = 0; code < 256; code += 51) {
    int fd = -1;
    struct clone_args args = {.flags = CLONE_PIDFD, .pidfd = (uintptr_t)&fd, .exit_signal = SIGCHLD};
    if (syscall(SYS_clone3, &args, sizeof args) == 0) _exit(code);
    siginfo_t info = {0};
    good &= waitid(P_PIDFD_, (id_t)fd, &info, WEXITED) == 0 && info.si_code == CLD_EXITED &&
            info.si_status == code;
    close(fd);
  }
  check_named(good, "exit statuses come through the descriptor");
}

static void killed_by_closing(void) { // AK1, AK3, AK9
  int fd = -1, watch = -1;
  check_errno(start(AUTOKILL, 0, &fd), EINVAL);
  const pid_t pid = start(AUTOKILL | AUTOREAP | NNP, 0, &fd);
  check(pid > 0 && (watch = pidfd_open_(pid, 0)) >= 0);
  const int copy = dup(fd);
  close(fd);
  check(events_of(watch, 2) == 0);
  close(copy);
  check(events_of(watch, -1) == (POLLIN | POLLHUP));
  struct {
    uint64_t mask, words[7];
  } told = {8, {0}};
  check(ioctl(watch, 0xc040ff0b, &told) == 0 && (int)(told.words[6] >> 32) == SIGKILL);
  close(watch);
}

int main(void) {
  plan(47);
  opening();
  life_and_death();
  refusals();
  exit_statuses();
  killed_by_closing();
  return finished();
}
