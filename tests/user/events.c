// SPDX-License-Identifier: Apache-2.0
// Pipes, sockets, eventfd, timerfd, poll, select and epoll in one thread; every check holds on Linux too.
#define _GNU_SOURCE
#include "tests/user/ktap.h"

#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

static int64_t now_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static void pipes(void) {
  int ends[2], waiting = 0;
  char text[16];
  struct stat st;
  check(pipe2(ends, O_NONBLOCK | O_CLOEXEC) == 0);
  check(fcntl(ends[0], F_GETFD) == FD_CLOEXEC);
  check((fcntl(ends[1], F_GETFL) & (O_ACCMODE | O_NONBLOCK)) == (O_WRONLY | O_NONBLOCK));
  check_errno(read(ends[0], text, 1), EAGAIN);
  check(write(ends[1], "through", 7) == 7);
  check(ioctl(ends[0], FIONREAD, &waiting) == 0 && waiting == 7);
  check(fstat(ends[0], &st) == 0 && S_ISFIFO(st.st_mode));
  check_errno(lseek(ends[0], 0, SEEK_SET), ESPIPE);
  check(read(ends[0], text, 16) == 7 && memcmp(text, "through", 7) == 0);
  static char block[65536];
  check(write(ends[1], block, sizeof block) == 65536);
  check_errno(write(ends[1], "x", 1), EAGAIN);
  struct pollfd p = {ends[1], POLLOUT, 0};
  check(poll(&p, 1, 0) == 0);
  check(read(ends[0], block, sizeof block) == 65536);
  check(poll(&p, 1, 0) == 1 && p.revents == POLLOUT);
  close(ends[1]);
  p = (struct pollfd){ends[0], POLLIN, 0};
  check(poll(&p, 1, -1) == 1 && p.revents == POLLHUP);
  check(read(ends[0], text, 1) == 0);
  close(ends[0]);
  check_errno(pipe2(ends, 0x12345), EINVAL);
  check_errno(pipe2((int*)8, 0), EFAULT);
}

static void sockets(void) {
  int pair[2], type = 0;
  socklen_t size = sizeof type;
  char text[16];
  check(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0);
  check(getsockopt(pair[0], SOL_SOCKET, SO_TYPE, &type, &size) == 0 && type == SOCK_STREAM);
  check(send(pair[0], "one", 3, 0) == 3 && write(pair[0], "two", 3) == 3);
  check(recv(pair[1], text, 16, MSG_PEEK) == 6);
  check(recv(pair[1], text, 16, 0) == 6 && memcmp(text, "onetwo", 6) == 0);
  check_errno(recv(pair[1], text, 16, MSG_DONTWAIT), EAGAIN);
  struct iovec parts[] = {{"ab", 2}, {"cd", 2}};
  struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};
  check(sendmsg(pair[1], &message, 0) == 4);
  char in[8];
  struct iovec to = {in, 8};
  message = (struct msghdr){.msg_iov = &to, .msg_iovlen = 1};
  check(recvmsg(pair[0], &message, 0) == 4 && memcmp(in, "abcd", 4) == 0);
  check(shutdown(pair[0], SHUT_WR) == 0 && read(pair[1], text, 1) == 0);
  check_errno(send(pair[0], "x", 1, MSG_NOSIGNAL), EPIPE);
  check(write(pair[1], "back", 4) == 4 && read(pair[0], text, 16) == 4);
  close(pair[0]);
  close(pair[1]);
  check(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair) == 0);
  check(write(pair[0], "packet", 6) == 6 && write(pair[0], "next", 4) == 4);
  check(read(pair[1], text, 3) == 3 && read(pair[1], text, 16) == 4 && memcmp(text, "next", 4) == 0);
  close(pair[0]);
  close(pair[1]);
  check_errno(send(1, "x", 1, 0), ENOTSOCK);
}

static void counters(void) {
  uint64_t value = 5;
  const int fd = eventfd(3, EFD_NONBLOCK);
  check(write(fd, &value, 8) == 8 && read(fd, &value, 8) == 8 && value == 8);
  check_errno(read(fd, &value, 8), EAGAIN);
  check_errno(read(fd, &value, 4), EINVAL);
  close(fd);
  const int timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
  check(timer >= 0);
  struct itimerspec setting = {{0, 0}, {0, 2000000}}, left;
  const int64_t start = now_ns();
  check(timerfd_settime(timer, 0, &setting, NULL) == 0);
  check(timerfd_gettime(timer, &left) == 0 && left.it_value.tv_nsec <= 2000000);
  check_errno(read(timer, &value, 8), EAGAIN);
  struct pollfd p = {timer, POLLIN, 0};
  check(poll(&p, 1, -1) == 1 && p.revents == POLLIN && now_ns() - start >= 2000000);
  check(read(timer, &value, 8) == 8 && value == 1);
  struct timespec t;
  clock_gettime(CLOCK_REALTIME, &t);
  close(timer);
  const int wall = timerfd_create(CLOCK_REALTIME, 0);
  setting = (struct itimerspec){{0, 1000000}, {t.tv_sec - 1, t.tv_nsec}};
  check(timerfd_settime(wall, TFD_TIMER_ABSTIME, &setting, NULL) == 0);
  check(read(wall, &value, 8) == 8 && value >= 1000); // a second's worth at once
  close(wall);
  // An interval that is shorter than its interrupt leaves the CPU to others.
  const struct itimerspec frequent = {{0, 1}, {0, 1}};
  const int busy = timerfd_create(CLOCK_MONOTONIC, 0);
  check(timerfd_settime(busy, 0, &frequent, NULL) == 0 && read(busy, &value, 8) == 8 && value >= 1 &&
        read(busy, &value, 8) == 8 && value >= 1);
  close(busy);
  check_errno(timerfd_create(77, 0), EINVAL);
  check_errno(timerfd_gettime(0, &left), EINVAL);
}

static void waiting(void) {
  int ends[2];
  check(pipe(ends) == 0);
  const int64_t start = now_ns();
  struct pollfd list[] = {{ends[0], POLLIN, 0}, {-1, POLLIN, 7}, {999, POLLIN, 0}};
  check(poll(list, 2, 3) == 0 && now_ns() - start >= 3000000 && list[1].revents == 0);
  check(poll(list, 3, -1) == 1 && list[2].revents == POLLNVAL);
  fd_set in, out;
  FD_ZERO(&in);
  FD_ZERO(&out);
  FD_SET(ends[0], &in);
  FD_SET(ends[1], &out);
  check(select(ends[1] + 1, &in, &out, NULL, NULL) == 1 && !FD_ISSET(ends[0], &in) &&
        FD_ISSET(ends[1], &out));
  check(write(ends[1], "x", 1) == 1);
  FD_SET(ends[0], &in);
  struct timespec none = {0, 0};
  check(pselect(ends[1] + 1, &in, NULL, NULL, &none, NULL) == 1 && FD_ISSET(ends[0], &in));
  FD_SET(200, &in);
  check_errno(select(201, &in, NULL, NULL, NULL), EBADF);
#ifdef SYS_select                                    // the C library would refuse it by itself
  const long too_many[2] = {1, 9223372036854775000}; // microseconds: more than a second has
  check_errno(syscall(SYS_select, 1, NULL, NULL, NULL, too_many), EINVAL);
#else
  const long too_many[2] = {1, 9223372036854775000}; // nanoseconds
  check_errno(syscall(SYS_pselect6, 1, NULL, NULL, NULL, too_many, NULL), EINVAL);
#endif
  check(ppoll(list, 1, &none, NULL) == 1 && list[0].revents == POLLIN);

  const int set = epoll_create1(EPOLL_CLOEXEC), outer = epoll_create(1);
  struct epoll_event event = {.events = EPOLLIN, .data = {.u64 = 0x123456789abcdefULL}}, got[4];
  check(set >= 0 && outer >= 0);
  check(epoll_ctl(set, EPOLL_CTL_ADD, ends[0], &event) == 0);
  check_errno(epoll_ctl(set, EPOLL_CTL_ADD, ends[0], &event), EEXIST);
  check_errno(epoll_ctl(set, EPOLL_CTL_ADD, set, &event), EINVAL);
  check(epoll_wait(set, got, 4, -1) == 1 && got[0].events == EPOLLIN &&
        got[0].data.u64 == 0x123456789abcdefULL);
  event.events = EPOLLIN | EPOLLET;
  check(epoll_ctl(set, EPOLL_CTL_MOD, ends[0], &event) == 0);
  check(epoll_wait(set, got, 4, 0) == 1 && epoll_wait(set, got, 4, 0) == 0);
  check(write(ends[1], "y", 1) == 1 && epoll_wait(set, got, 4, 0) == 1);
  event.events = EPOLLIN | EPOLLONESHOT;
  check(epoll_ctl(set, EPOLL_CTL_MOD, ends[0], &event) == 0);
  event.data.u64 = 7;
  event.events = EPOLLIN;
  check(epoll_ctl(outer, EPOLL_CTL_ADD, set, &event) == 0);
  check(epoll_wait(outer, got, 4, 0) == 1 && got[0].data.u64 == 7);
  check_errno(epoll_ctl(set, EPOLL_CTL_ADD, outer, &event), ELOOP);
  check(epoll_wait(set, got, 4, 0) == 1 && epoll_wait(outer, got, 4, 0) == 0); // one shot
  check(epoll_ctl(set, EPOLL_CTL_DEL, ends[0], NULL) == 0);
  check_errno(epoll_ctl(set, EPOLL_CTL_DEL, ends[0], NULL), ENOENT);
  check_errno(epoll_wait(set, got, 0, 0), EINVAL);
  const int regular = open("/tmp/regular", O_CREAT | O_RDWR, 0600);
  check_errno(epoll_ctl(set, EPOLL_CTL_ADD, regular, &event), EPERM);
  check(unlink("/tmp/regular") == 0);
  const int64_t before = now_ns();
  check(epoll_wait(set, got, 4, 2) == 0 && now_ns() - before >= 2000000);
  close(regular);
  close(set);
  close(outer);
  close(ends[0]);
  close(ends[1]);
}

int main(void) {
  plan(75);
  pipes();
  sockets();
  counters();
  waiting();
  return finished();
}
