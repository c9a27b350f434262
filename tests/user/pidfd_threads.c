// SPDX-License-Identifier: Apache-2.0
// Descriptors that mean one thread (PIDFD_THREAD; spec clone_ns 7.1, 7.2, 7.4): opened, given by clone,
// signalled through, told of its end.
#define _GNU_SOURCE
#include "tests/user/ktap.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { kThread = O_EXCL, kPidfdType = 3, kToThread = 1, kToProcess = 2 };

struct pid_info {
  uint64_t mask, cgroup;
  uint32_t pid, tgid, words[10];
};

static int pidfd(pid_t pid, unsigned flags) { return (int)syscall(SYS_pidfd_open, pid, flags); }
static int send(int fd, int sig, siginfo_t* info, unsigned flags) {
  return (int)syscall(SYS_pidfd_send_signal, fd, sig, info, flags);
}
static int info_of(int fd, uint64_t mask, struct pid_info* to) {
  to->mask = mask;
  return ioctl(fd, 0xc040ff0b, to);
}
static pid_t own_tid(void) { return (pid_t)syscall(SYS_gettid); }
static int events_of(int fd, int timeout) {
  struct pollfd p = {fd, POLLIN, 0};
  return poll(&p, 1, timeout) < 0 ? -1 : p.revents;
}

static volatile pid_t caught_by;
static void on_signal(int sig) {
  (void)sig;
  caught_by = own_tid();
}
static pid_t wait_caught(void) {
  while (caught_by == 0) sched_yield();
  const pid_t by = caught_by;
  caught_by = 0;
  return by;
}

/// A thread that is there until it is told to end.
struct thread {
  pthread_t handle;
  volatile pid_t tid;
  int ends[2];
};
static void* live(void* of) {
  struct thread* self = (struct thread*)of;
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGUSR2);
  pthread_sigmask(SIG_BLOCK, &set, NULL);
  self->tid = own_tid();
  char c;
  while (read(self->ends[0], &c, 1) != 1) {
  }
  syscall(SYS_exit, 7);
  return NULL;
}
static void begin(struct thread* thread) {
  thread->tid = 0;
  if (pipe(thread->ends) != 0 || pthread_create(&thread->handle, NULL, live, thread) != 0) exit(99);
  while (thread->tid == 0) sched_yield();
}
static void end(struct thread* thread) {
  if (write(thread->ends[1], "x", 1) != 1) exit(98);
}

static void opening(pid_t tid) {
  check_errno(pidfd(tid, 0), ENOENT); // P01
  const int first = pidfd(tid, kThread), second = pidfd(tid, kThread | O_NONBLOCK);
  const int leader = pidfd(getpid(), kThread), process = pidfd(getpid(), 0);
  check(first >= 0 && second >= 0 && leader >= 0 && process >= 0);
  check(fcntl(second, F_GETFL) == 0x882 && fcntl(first, F_GETFL) == 0x82 && fcntl(leader, F_GETFL) == 0x82 &&
        fcntl(process, F_GETFL) == 2);
  check(fcntl(first, F_GETFD) == FD_CLOEXEC);
  struct stat a, b, c, d;
  check(fstat(first, &a) == 0 && fstat(second, &b) == 0 && fstat(leader, &c) == 0 && fstat(process, &d) == 0);
  check(a.st_ino == b.st_ino && a.st_ino != c.st_ino && c.st_ino == d.st_ino);
  struct pid_info info;
  check(info_of(first, 1, &info) == 0 && info.pid == (uint32_t)tid && info.tgid == (uint32_t)getpid());
  check(info_of(leader, 1, &info) == 0 && info.pid == (uint32_t)getpid());
  siginfo_t waited;
  check_errno(waitid((idtype_t)kPidfdType, (id_t)first, &waited, WEXITED), ECHILD);
  const int copy = (int)syscall(SYS_pidfd_getfd, first, 1, 0);
  check(copy >= 0);
  close(copy);
  char path[40], text[512] = "", line[32];
  snprintf(path, sizeof path, "/proc/self/fdinfo/%d", first);
  snprintf(line, sizeof line, "Pid:\t%d\n", tid);
  const int told = open(path, O_RDONLY);
  check(told >= 0 && read(told, text, sizeof text - 1) > 0 && strstr(text, line) != NULL);
  close(told);
  close(first);
  close(second);
  close(leader);
  close(process);
}

static void signals(pid_t tid) {
  struct sigaction action = {.sa_handler = on_signal};
  sigaction(SIGUSR1, &action, NULL);
  sigaction(SIGUSR2, &action, NULL);
  const int fd = pidfd(tid, kThread), leader = pidfd(getpid(), kThread), process = pidfd(getpid(), 0);
  check(send(fd, SIGUSR1, NULL, 0) == 0 && wait_caught() == tid);
  check(send(fd, SIGUSR1, NULL, kToThread) == 0 && wait_caught() == tid);
  check(send(fd, SIGUSR2, NULL, kToProcess) == 0 && wait_caught() == getpid()); // the thread blocks it
  check(send(leader, SIGUSR1, NULL, 0) == 0 && wait_caught() == getpid());
  check(send(process, SIGUSR1, NULL, kToThread) == 0 && wait_caught() == getpid());
  check(send(-10000, SIGUSR1, NULL, 0) == 0 && wait_caught() == getpid());
  check(send(fd, 0, NULL, 0) == 0);
  check_errno(send(fd, 65, NULL, 0), EINVAL);
  siginfo_t info = {0};
  info.si_signo = SIGUSR1;
  check_errno(send(fd, SIGUSR2, &info, 0), EINVAL);
  close(fd);
  close(leader);
  close(process);
}

static void its_end(struct thread* thread) {
  const int fd = pidfd(thread->tid, kThread), process = pidfd(getpid(), 0);
  const int set = epoll_create1(0);
  struct epoll_event event = {.events = EPOLLIN, .data = {.u64 = 9}};
  check(epoll_ctl(set, EPOLL_CTL_ADD, fd, &event) == 0 && epoll_wait(set, &event, 1, 0) == 0);
  check(events_of(fd, 0) == 0);
  end(thread);
  check((events_of(fd, -1) & POLLIN) != 0);
  check(epoll_wait(set, &event, 1, -1) == 1 && event.data.u64 == 9);
  check(events_of(fd, 0) == (POLLIN | POLLHUP) && events_of(process, 0) == 0);
  check_errno(send(fd, SIGUSR1, NULL, 0), ESRCH);
  check_errno(send(fd, 0, NULL, kToProcess), ESRCH);
  check_errno(syscall(SYS_pidfd_getfd, fd, 1, 0), ESRCH);
  struct pid_info info;
  check_errno(info_of(fd, 1, &info), ESRCH);
  check(info_of(fd, 8, &info) == 0 && (info.mask & 8) != 0 && info.words[9] == 7 << 8);
  pthread_join(thread->handle, NULL);
  close(set);
  close(fd);
  close(process);
}

static volatile int go;
static int run_clone(void* unused) {
  (void)unused;
  while (!go) sched_yield();
  syscall(SYS_exit, 0);
  return 0;
}
/// C, with THREAD: the descriptor is the thread's.
static void given_by_clone(void) {
  char* stack = (char*)mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  int fd = -1;
  const int flags = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_PIDFD;
  const pid_t tid = clone(run_clone, stack + 65536, flags, NULL, &fd);
  struct pid_info info;
  check(tid > 0 && fd >= 0 && (fcntl(fd, F_GETFL) & kThread) != 0 && fcntl(fd, F_GETFD) == FD_CLOEXEC);
  check(info_of(fd, 1, &info) == 0 && info.pid == (uint32_t)tid && events_of(fd, 0) == 0);
  go = 1;
  check((events_of(fd, -1) & POLLIN) != 0);
  close(fd);
}

/// Of another process; its first thread ends before the other.
static void first_thread_ends(void) {
  struct shared {
    volatile pid_t tid;
  }* shared = (struct shared*)mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  const pid_t child = fork();
  if (child == 0) {
    struct thread other;
    begin(&other);
    shared->tid = other.tid;
    pthread_exit(NULL);
  }
  while (shared->tid == 0) sched_yield();
  const int leader = pidfd(child, kThread), process = pidfd(child, 0), other = pidfd(shared->tid, kThread);
  check(leader >= 0 && process >= 0 && other >= 0);
  check(events_of(leader, 20) == 0 && events_of(process, 0) == 0 && events_of(other, 0) == 0);
  check(send(leader, 0, NULL, 0) == 0);
  kill(child, SIGKILL);
  check((events_of(process, -1) & POLLIN) != 0 && (events_of(leader, 0) & POLLIN) != 0);
  check(events_of(other, 0) == (POLLIN | POLLHUP));
  check(waitpid(child, NULL, 0) == child);
  check(events_of(leader, 0) == (POLLIN | POLLHUP));
  check_errno(send(leader, 0, NULL, 0), ESRCH);
  close(leader);
  close(process);
  close(other);
}

/// P03, and the number that the thread had.
static volatile pid_t* exec_tid;
static void* execute(void* unused) {
  *exec_tid = own_tid();
  while (!exec_tid[1]) sched_yield();
  execl("/proc/self/exe", "pidfd_threads", "again", (char*)NULL);
  return unused;
}
static void other_thread_execs(void) {
  exec_tid = (volatile pid_t*)mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  const pid_t child = fork();
  if (child == 0) {
    pthread_t thread;
    pthread_create(&thread, NULL, execute, NULL);
    for (;;) pause();
  }
  while (*exec_tid == 0) sched_yield();
  const int thread = pidfd(*exec_tid, kThread), process = pidfd(child, 0);
  check(events_of(thread, 0) == 0);
  exec_tid[1] = 1;
  check((events_of(thread, -1) & POLLHUP) != 0);
  check(events_of(process, 10) == 0);
  kill(child, SIGKILL);
  check(waitpid(child, NULL, 0) == child && events_of(process, 0) == (POLLIN | POLLHUP));
}

int main(int argc, char** argv) {
  (void)argv;
  if (argc > 1)
    for (;;) pause();
  struct thread thread;
  plan(45);
  begin(&thread);
  opening(thread.tid);
  signals(thread.tid);
  its_end(&thread);
  given_by_clone();
  first_thread_ends();
  other_thread_execs();
  return finished();
}
