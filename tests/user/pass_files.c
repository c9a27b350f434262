// SPDX-License-Identifier: Apache-2.0
// Descriptors that are passed through a socket pair: which bytes they come with, what happens to those that
// nobody takes.
#define _GNU_SOURCE
#include "tests/user/ktap.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MOST = 8 };

union Control {
  char bytes[CMSG_SPACE(MOST * sizeof(int))];
  struct cmsghdr head;
};

static ssize_t send_files(int socket, const char* text, size_t size, const int* fds, int count) {
  union Control control = {0};
  struct iovec range = {(void*)text, size};
  struct msghdr message = {.msg_iov = &range, .msg_iovlen = 1, .msg_control = &control};
  message.msg_controllen = CMSG_SPACE((size_t)count * sizeof(int));
  control.head = (struct cmsghdr){
      .cmsg_len = CMSG_LEN((size_t)count * sizeof(int)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS};
  memcpy(CMSG_DATA(&control.head), fds, (size_t)count * sizeof(int));
  return sendmsg(socket, &message, MSG_NOSIGNAL);
}

struct Got {
  ssize_t size;
  int flags, count, fds[MOST];
  char text[64];
};

/// With room for `room` descriptors; 0: for no control data.
static struct Got receive(int socket, size_t size, int room, int flags) {
  struct Got got = {0};
  union Control control;
  struct iovec range = {got.text, size};
  struct msghdr message = {.msg_iov = &range, .msg_iovlen = 1, .msg_control = &control};
  message.msg_controllen = room == 0 ? 0 : CMSG_LEN((size_t)room * sizeof(int));
  got.size = recvmsg(socket, &message, flags | MSG_DONTWAIT);
  got.flags = message.msg_flags;
  const struct cmsghdr* head = CMSG_FIRSTHDR(&message);
  if (got.size >= 0 && head != NULL && head->cmsg_level == SOL_SOCKET && head->cmsg_type == SCM_RIGHTS) {
    got.count = (int)((head->cmsg_len - CMSG_LEN(0)) / sizeof(int));
    memcpy(got.fds, CMSG_DATA(head), (size_t)got.count * sizeof(int));
  }
  return got;
}

static int is_open(int fd) { return fcntl(fd, F_GETFD) >= 0; }

/// Whether the pipe's other end is held by nobody any more.
static int hung_up(int reader) {
  struct pollfd entry = {.fd = reader, .events = POLLIN};
  return poll(&entry, 1, 0) == 1 && (entry.revents & POLLHUP) != 0;
}

static void errors(int a) {
  int fds[2] = {0, 99};
  check_errno((int)send_files(a, "x", 1, fds, 2), EBADF);
  struct cmsghdr head = {.cmsg_len = 8, .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS};
  struct msghdr message = {.msg_control = &head, .msg_controllen = sizeof head};
  check_errno((int)sendmsg(a, &message, 0), EINVAL);
  head.cmsg_len = 24;
  check_errno((int)sendmsg(a, &message, 0), EINVAL);
  head.cmsg_len = sizeof head;
  head.cmsg_type = 77;
  check_errno((int)sendmsg(a, &message, 0), EINVAL);
  message.msg_control = (void*)8;
  check_errno((int)sendmsg(a, &message, 0), EFAULT);
}

static void passing(int a, int b) {
  int ends[2];
  check(pipe(ends) == 0);
  check(send_files(a, "hello", 5, ends, 2) == 5);
  close(ends[1]);
  check(!hung_up(ends[0])); // on its way
  struct Got got = receive(b, 64, 2, 0);
  check(got.size == 5 && got.count == 2 && (got.flags & MSG_CTRUNC) == 0);
  check(is_open(got.fds[0]) && fcntl(got.fds[0], F_GETFD) == 0);
  char text[8];
  check(write(got.fds[1], "abc", 3) == 3 && read(ends[0], text, 8) == 3);
  close(got.fds[0]);
  close(got.fds[1]);
  check(hung_up(ends[0]));
  close(ends[0]);
}

/// Bytes before and after: a read ends with the message that has descriptors.
static void in_a_stream(int a, int b) {
  int ends[2];
  check(pipe(ends) == 0);
  check(write(a, "12", 2) == 2 && send_files(a, "345", 3, &ends[1], 1) == 3 && write(a, "67", 2) == 2);
  struct Got got = receive(b, 1, 1, 0);
  check(got.size == 1 && got.count == 0);
  got = receive(b, 64, 1, MSG_PEEK);
  check(got.size == 4 && got.count == 1);
  close(got.fds[0]);
  got = receive(b, 64, 1, MSG_CMSG_CLOEXEC);
  check(got.size == 4 && memcmp(got.text, "2345", 4) == 0 && got.count == 1);
  check(fcntl(got.fds[0], F_GETFD) == FD_CLOEXEC);
  close(got.fds[0]);
  got = receive(b, 64, 1, 0);
  check(got.size == 2 && got.count == 0);
  close(ends[0]);
  close(ends[1]);
}

static void not_taken(int a, int b) {
  int ends[2];
  check(pipe(ends) == 0);
  char text[8];
  check(send_files(a, "1", 1, &ends[1], 1) == 1 && read(b, text, 8) == 1);
  const int both[2] = {ends[1], ends[1]};
  check(send_files(a, "1", 1, both, 2) == 1);
  struct Got got = receive(b, 1, 1, 0);
  check(got.count == 1 && (got.flags & MSG_CTRUNC) != 0);
  close(got.fds[0]);
  check(send_files(a, "1", 1, &ends[1], 1) == 1);
  got = receive(b, 1, 0, 0);
  check(got.size == 1 && got.count == 0 && (got.flags & MSG_CTRUNC) != 0);
  close(ends[1]);
  check(hung_up(ends[0])); // none of them is left
  close(ends[0]);
}

/// Messages, with and without; the end of the socket.
static void packets(void) {
  int pair[2], ends[2];
  check(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair) == 0 && pipe(ends) == 0);
  check(write(pair[0], "no", 2) == 2 && send_files(pair[0], "yes", 3, &ends[1], 1) == 3);
  struct Got got = receive(pair[1], 64, 1, 0);
  check(got.size == 2 && got.count == 0);
  got = receive(pair[1], 64, 1, 0);
  check(got.size == 3 && got.count == 1);
  close(got.fds[0]);
  check(send_files(pair[0], "lost", 4, &ends[1], 1) == 4);
  close(ends[1]);
  check(!hung_up(ends[0]));
  close(pair[1]);
  check(hung_up(ends[0]));
  close(pair[0]);
  close(ends[0]);
}

/// What a child opened and its parent did not.
static void from_a_child(int a, int b) {
  const pid_t pid = fork();
  if (pid == 0) {
    int ends[2];
    if (pipe(ends) != 0 || write(ends[1], "from the child", 14) != 14) _exit(1);
    _exit(send_files(a, "x", 1, ends, 1) == 1 ? 0 : 1);
  }
  int status = 1;
  check(waitpid(pid, &status, 0) == pid && status == 0);
  const struct Got got = receive(b, 1, 1, 0);
  char text[32];
  check(got.count == 1 && read(got.fds[0], text, sizeof text) == 14 &&
        memcmp(text, "from the child", 14) == 0);
  check(read(got.fds[0], text, sizeof text) == 0);
  close(got.fds[0]);
}

int main(void) {
  plan(37);
  int pair[2];
  check(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
  errors(pair[0]);
  passing(pair[0], pair[1]);
  in_a_stream(pair[0], pair[1]);
  not_taken(pair[0], pair[1]);
  packets();
  from_a_child(pair[0], pair[1]);
  return finished();
}
