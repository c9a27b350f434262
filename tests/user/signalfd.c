// SPDX-License-Identifier: Apache-2.0
// Signals read from a descriptor: whose, in which order, what is told of them, and who waits for them how.
#define _GNU_SOURCE
#include "tests/user/ktap.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static long raw(int fd, const void* mask, size_t size, int flags) {
  return syscall(SYS_signalfd4, fd, mask, size, flags);
}
static uint64_t bit(int sig) { return (uint64_t)1 << (sig - 1); }
static int events_of(int fd, int timeout) {
  struct pollfd p = {fd, POLLIN, 0};
  return poll(&p, 1, timeout) < 0 ? -1 : p.revents;
}
static int count_read(int fd, struct signalfd_siginfo* to, int most) {
  const ssize_t got = read(fd, to, (size_t)most * sizeof *to);
  return got < 0 ? -1 : (int)(got / (ssize_t)sizeof *to);
}
static void alarm_in(int ms) {
  const struct itimerval soon = {{0, 0}, {0, ms * 1000}};
  setitimer(ITIMER_REAL, &soon, NULL);
}
static void on_signal(int sig) { (void)sig; }

static void refusals(void) {
  const uint64_t mask = bit(SIGUSR1);
  check_errno(raw(-1, &mask, 4, 0), EINVAL);
  check_errno(raw(-1, (void*)16, 4, 0), EINVAL);
  check_errno(raw(-1, (void*)16, 8, 1), EFAULT);
  check_errno(raw(-1, &mask, 8, 1), EINVAL);
  check_errno(raw(999, &mask, 8, 0), EBADF);
  check_errno(raw(-2, &mask, 8, 0), EBADF);
  check_errno(raw(1, &mask, 8, 0), EINVAL);
}

static void reading(int fd) {
  struct signalfd_siginfo info[4];
  check(sizeof info[0] == 128);
  check(fcntl(fd, F_GETFD) == FD_CLOEXEC &&
        (fcntl(fd, F_GETFL) & (O_ACCMODE | O_NONBLOCK)) == (O_RDWR | O_NONBLOCK));
  check_errno(count_read(fd, info, 1), EAGAIN);
  check_errno(read(fd, info, 127), EINVAL);
  check_errno(write(fd, info, 128), EINVAL);
  check(events_of(fd, 0) == 0);
  kill(getpid(), SIGUSR1);
  kill(getpid(), SIGUSR1); // is the same
  check(events_of(fd, 0) == POLLIN);
  check(count_read(fd, info, 4) == 1 && info[0].ssi_signo == SIGUSR1 && info[0].ssi_code == SI_USER);
  check(info[0].ssi_pid == (uint32_t)getpid() && info[0].ssi_uid == getuid() && info[0].ssi_ptr == 0);
  // Several, lowest number first, of one number in their order.
  const union sigval one = {.sival_int = 1}, two = {.sival_ptr = (void*)0x123456789abcdef0};
  sigqueue(getpid(), SIGRTMIN + 1, one);
  sigqueue(getpid(), SIGRTMIN + 1, two);
  kill(getpid(), SIGUSR2);
  check(count_read(fd, info, 4) == 3 && info[0].ssi_signo == SIGUSR2);
  check(info[1].ssi_signo == (uint32_t)SIGRTMIN + 1 && info[1].ssi_code == SI_QUEUE && info[1].ssi_int == 1);
  check(info[2].ssi_ptr == 0x123456789abcdef0 && info[2].ssi_int == (int32_t)0x9abcdef0 &&
        info[2].ssi_pid == (uint32_t)getpid());
  // A buffer that is not there costs the signal.
  kill(getpid(), SIGUSR1);
  check_errno(read(fd, (void*)16, 128), EFAULT);
  check_errno(count_read(fd, info, 1), EAGAIN);
  kill(getpid(), SIGUSR1);
  kill(getpid(), SIGUSR2);
  check(read(fd, info, 255) == 128 && info[0].ssi_signo == SIGUSR1);
  check(read(fd, info, 255) == 128 && info[0].ssi_signo == SIGUSR2);
}

static void kinds(int fd) {
  struct signalfd_siginfo info;
  timer_t timer;
  struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMIN + 1};
  event.sigev_value.sival_int = 77;
  timer_create(CLOCK_MONOTONIC, &event, &timer);
  const struct itimerspec soon = {{0, 2000000}, {0, 2000000}};
  timer_settime(timer, 0, &soon, NULL);
  check(events_of(fd, 1000) == POLLIN);
  const struct timespec rest = {0, 20000000};
  nanosleep(&rest, NULL);
  check(count_read(fd, &info, 1) == 1 && info.ssi_code == SI_TIMER && info.ssi_int == 77 &&
        info.ssi_pid == 0);
  check(info.ssi_overrun >= 9);
  timer_delete(timer);
  const pid_t child = fork();
  if (child == 0) _exit(42);
  check(events_of(fd, 5000) == POLLIN && count_read(fd, &info, 1) == 1);
  check(info.ssi_signo == SIGCHLD && info.ssi_code == CLD_EXITED && info.ssi_status == 42 &&
        info.ssi_pid == (uint32_t)child);
  waitpid(child, NULL, 0);
}

static void masks(int fd) {
  struct signalfd_siginfo info;
  uint64_t mask = bit(SIGUSR2) | bit(SIGKILL) | bit(SIGSTOP);
  kill(getpid(), SIGUSR1);
  check(events_of(fd, 0) == POLLIN);
  check(raw(fd, &mask, 8, 0) == fd && events_of(fd, 0) == 0);
  check_errno(count_read(fd, &info, 1), EAGAIN);
  char path[40], text[256] = "";
  snprintf(path, sizeof path, "/proc/self/fdinfo/%d", fd);
  const int told = open(path, O_RDONLY);
  check(told >= 0 && read(told, text, sizeof text - 1) > 0 &&
        strstr(text, "sigmask:\t0000000000000800\n") != NULL);
  close(told);
  mask |= bit(SIGUSR1) | bit(SIGALRM) | bit(SIGCHLD) | bit(SIGRTMIN + 1);
  // Two descriptors, the same signals.
  const int other = (int)raw(-1, &mask, 8, SFD_NONBLOCK);
  check(other >= 0 && fcntl(other, F_GETFD) == 0 && events_of(other, 0) == POLLIN);
  check(raw(fd, &mask, 8, 0) == fd && events_of(fd, 0) == POLLIN);
  check(count_read(other, &info, 1) == 1 && events_of(fd, 0) == 0);
  close(other);
}

static void waiting(int fd) {
  struct signalfd_siginfo info;
  alarm_in(5);
  check(events_of(fd, 1000) == POLLIN);
  check(count_read(fd, &info, 1) == 1 && info.ssi_signo == SIGALRM && info.ssi_code == SI_KERNEL);
  const int set = epoll_create1(0);
  struct epoll_event event = {.events = EPOLLIN | EPOLLET, .data = {.u64 = 9}};
  check(epoll_ctl(set, EPOLL_CTL_ADD, fd, &event) == 0 && epoll_wait(set, &event, 1, 0) == 0);
  alarm_in(5);
  check(epoll_wait(set, &event, 1, 1000) == 1 && event.data.u64 == 9 && event.events == EPOLLIN);
  check(count_read(fd, &info, 1) == 1 && epoll_wait(set, &event, 1, 0) == 0);
  close(set);
  fcntl(fd, F_SETFL, 0);
  alarm_in(5);
  check(count_read(fd, &info, 1) == 1 && info.ssi_signo == SIGALRM); // blocks
  // Another signal ends the wait.
  struct sigaction action = {.sa_handler = on_signal};
  sigaction(SIGPROF, &action, NULL);
  timer_t timer;
  struct sigevent notify = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGPROF};
  timer_create(CLOCK_MONOTONIC, &notify, &timer);
  const struct itimerspec soon = {{0, 0}, {0, 5000000}};
  timer_settime(timer, 0, &soon, NULL);
  check_errno(count_read(fd, &info, 1), EINTR);
  action.sa_flags = SA_RESTART;
  sigaction(SIGPROF, &action, NULL);
  timer_settime(timer, 0, &soon, NULL);
  alarm_in(20);
  check(count_read(fd, &info, 1) == 1 && info.ssi_signo == SIGALRM);
  timer_delete(timer);
  fcntl(fd, F_SETFL, O_NONBLOCK);
}

static int shared_fd;
static void* look(void* unused) {
  (void)unused;
  return (void*)(intptr_t)events_of(shared_fd, 0);
}
static void* read_one(void* unused) {
  (void)unused;
  struct signalfd_siginfo info;
  return (void*)(intptr_t)(count_read(shared_fd, &info, 1) == 1 ? (int)info.ssi_signo : -1);
}

/// The reader's own, and its process's.
static void whose(int fd) {
  struct signalfd_siginfo info;
  void* seen;
  pthread_t thread;
  shared_fd = fd;
  syscall(SYS_tgkill, getpid(), syscall(SYS_gettid), SIGUSR1);
  pthread_create(&thread, NULL, look, NULL);
  pthread_join(thread, &seen);
  check((intptr_t)seen == 0);
  check(events_of(fd, 0) == POLLIN && count_read(fd, &info, 1) == 1 && info.ssi_code == SI_TKILL);
  kill(getpid(), SIGUSR2);
  pthread_create(&thread, NULL, read_one, NULL);
  pthread_join(thread, &seen);
  check((intptr_t)seen == SIGUSR2);
  kill(getpid(), SIGUSR1);
  const pid_t child = fork();
  if (child == 0) {
    if (events_of(fd, 0) != 0) _exit(1); // the parent's
    kill(getpid(), SIGUSR2);
    _exit(count_read(fd, &info, 1) == 1 && info.ssi_signo == SIGUSR2 && info.ssi_pid == (uint32_t)getpid()
              ? 0
              : 2);
  }
  int status = -1;
  check(waitpid(child, &status, 0) == child && status == 0);
  check(count_read(fd, &info, 1) == 1 && info.ssi_signo == SIGUSR1);
}

int main(void) {
  plan(49);
  sigset_t set;
  sigemptyset(&set);
  const int signals[] = {SIGUSR1, SIGUSR2, SIGALRM, SIGCHLD, SIGRTMIN + 1};
  for (unsigned i = 0; i < sizeof signals / sizeof signals[0]; ++i) sigaddset(&set, signals[i]);
  sigprocmask(SIG_BLOCK, &set, NULL);
  refusals();
  const int fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
  check(fd >= 0);
  reading(fd);
  kinds(fd);
  masks(fd);
  waiting(fd);
  whose(fd);
  return finished();
}
