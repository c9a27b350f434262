// SPDX-License-Identifier: Apache-2.0
// Named fifos: who waits for whom in open(), what is read when all writers are gone, what poll says; and the
// flags that F_GETFL shows.
#define _GNU_SOURCE
#include "tests/user/ktap.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static const char name[] = "/tmp/a_fifo";
static volatile int* shared; // with children

/// A child that opens it so; it tells of before and after.
static pid_t child_opens(int flags) {
  shared[0] = shared[1] = 0;
  const pid_t pid = fork();
  if (pid != 0) {
    while (shared[0] == 0) usleep(1000);
    usleep(10000);
    return pid;
  }
  shared[0] = 1;
  const int fd = open(name, flags);
  const int error = fd < 0 ? errno : 0;
  shared[1] = 1;
  if (fd >= 0 && (flags & O_ACCMODE) == O_WRONLY && write(fd, "hello", 5) != 5) _exit(100);
  char text[8];
  if (fd >= 0 && (flags & O_ACCMODE) == O_RDONLY && read(fd, text, sizeof text) != 2) _exit(101);
  _exit(error);
}

static int end_of(pid_t pid) {
  int status = 0;
  return waitpid(pid, &status, 0) == pid && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static short events_of(int fd, short wanted) {
  struct pollfd entry = {.fd = fd, .events = wanted};
  return poll(&entry, 1, 0) >= 0 ? entry.revents : -1;
}

static void making(void) {
  struct stat is;
  check(mkfifo(name, 0640) == 0 && stat(name, &is) == 0 && S_ISFIFO(is.st_mode));
  check_errno(mkfifo(name, 0600), EEXIST);
  check_errno(mknod(name, S_IFIFO | 0600, 0), EEXIST);
  check_errno(open(name, O_RDONLY | O_CREAT | O_EXCL, 0600), EEXIST);
  check_errno(open(name, O_RDONLY | O_DIRECTORY), ENOTDIR);
}

static void meeting(void) {
  pid_t pid = child_opens(O_WRONLY);
  check(shared[1] == 0);
  int fd = open(name, O_RDONLY);
  char text[16];
  check(fd >= 0 && read(fd, text, sizeof text) == 5 && memcmp(text, "hello", 5) == 0);
  check(end_of(pid) == 0 && read(fd, text, sizeof text) == 0);
  close(fd);
  pid = child_opens(O_RDONLY);
  check(shared[1] == 0);
  fd = open(name, O_WRONLY);
  check(fd >= 0 && write(fd, "ab", 2) == 2 && end_of(pid) == 0);
  signal(SIGPIPE, SIG_IGN);
  check_errno((int)write(fd, "c", 1), EPIPE);
  close(fd);
}

static void without_waiting(void) {
  char text[16];
  check_errno(open(name, O_WRONLY | O_NONBLOCK), ENXIO);
  const int reader = open(name, O_RDONLY | O_NONBLOCK);
  check(reader >= 0 && read(reader, text, sizeof text) == 0);
  check(events_of(reader, POLLIN) == 0); // nobody has hung up yet
  int writer = open(name, O_WRONLY | O_NONBLOCK);
  check(writer >= 0 && events_of(writer, POLLOUT) == POLLOUT);
  check_errno((int)read(reader, text, sizeof text), EAGAIN);
  check(write(writer, "xyz", 3) == 3 && events_of(reader, POLLIN) == POLLIN);
  close(writer);
  check(events_of(reader, POLLIN) == (POLLIN | POLLHUP));
  check(read(reader, text, sizeof text) == 3 && read(reader, text, sizeof text) == 0);
  check(events_of(reader, POLLIN) == POLLHUP);
  writer = open(name, O_WRONLY);
  check(writer >= 0 && events_of(reader, POLLIN) == 0);
  check(write(writer, "left", 4) == 4);
  close(writer);
  close(reader);
  // What nobody has read goes with the last end.
  const int both = open(name, O_RDWR | O_NONBLOCK);
  check(both >= 0);
  check_errno((int)read(both, text, sizeof text), EAGAIN);
  check(write(both, "me", 2) == 2 && read(both, text, sizeof text) == 2);
  check(events_of(both, POLLIN | POLLOUT) == POLLOUT);
  check_errno((int)lseek(both, 0, SEEK_SET), ESPIPE);
  struct stat by_fd, by_name;
  check(fstat(both, &by_fd) == 0 && stat(name, &by_name) == 0 && by_fd.st_ino == by_name.st_ino &&
        by_fd.st_mode == by_name.st_mode);
  close(both);
}

static void on_signal(int signal) { (void)signal; }

static void signals(void) {
  struct sigaction action = {.sa_handler = on_signal};
  sigaction(SIGUSR1, &action, NULL);
  pid_t pid = child_opens(O_RDONLY);
  kill(pid, SIGUSR1);
  check(end_of(pid) == EINTR);
  action.sa_flags = SA_RESTART;
  sigaction(SIGUSR1, &action, NULL);
  pid = child_opens(O_WRONLY);
  kill(pid, SIGUSR1);
  usleep(10000);
  check(shared[1] == 0);
  const int fd = open(name, O_RDONLY);
  check(fd >= 0 && end_of(pid) == 0);
  close(fd);
  check_errno(open(name, O_WRONLY | O_NONBLOCK), ENXIO); // nothing is left of the interrupted one
}

/// Many meet at once; nobody is left waiting while there are some on the other side.
static void crowd(void) {
  enum { PAIRS = 4 };
  pid_t pids[2 * PAIRS];
  const int keep = open(name, O_RDWR); // what was written stays
  for (int i = 0; i < 2 * PAIRS; ++i) {
    pids[i] = fork();
    if (pids[i] != 0) continue;
    const int fd = open(name, i % 2 == 0 ? O_RDONLY : O_WRONLY);
    char text[4];
    _exit((i % 2 == 0 ? read(fd, text, 4) : write(fd, "1234", 4)) == 4 ? 0 : 1);
  }
  int wrong = 0;
  for (int i = 0; i < 2 * PAIRS; ++i) wrong += end_of(pids[i]) != 0;
  check(keep >= 0 && wrong == 0);
  close(keep);
}

static void flags(void) {
  const int all = O_RDWR | O_CREAT | O_EXCL | O_TRUNC | O_NOCTTY | O_APPEND | O_CLOEXEC | O_NONBLOCK;
  const int fd = open("/tmp/flags", all, 0600);
  check(fd >= 0);
  const int large = fcntl(fd, F_GETFL) & ~(O_RDWR | O_APPEND | O_NONBLOCK);
  check((fcntl(fd, F_GETFL) & (O_CREAT | O_EXCL | O_TRUNC | O_NOCTTY | O_CLOEXEC)) == 0);
  check((fcntl(fd, F_GETFL) & (O_ACCMODE | O_APPEND | O_NONBLOCK)) == (O_RDWR | O_APPEND | O_NONBLOCK));
  check(fcntl(fd, F_SETFL, O_CREAT | O_TRUNC | O_WRONLY) == 0 && fcntl(fd, F_GETFL) == (large | O_RDWR));
  close(fd);
  unlink("/tmp/flags");
}

int main(void) {
  plan(38);
  shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  mkdir("/tmp", 0777);
  unlink(name);
  making();
  meeting();
  without_waiting();
  signals();
  crowd();
  flags();
  check(unlink(name) == 0);
  return finished();
}
