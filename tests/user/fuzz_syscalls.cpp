// SPDX-License-Identifier: Apache-2.0
// Calls the kernel with whatever comes to mind: fuzz_syscalls SEED COUNT [FIRST]. COUNT rounds, from number
// FIRST (default 0): each is a child process, at times of several threads, in a directory of its own, that
// makes some dozen calls. All calls that are implemented, but those that end or restart the run. The kernel
// has to outlive it; a child that no call could interrupt has to die when it is killed. With FUZZ_VERBOSE=1
// in the environment each call is printed before it is made, with FUZZ_VERBOSE=2 also a sum for each call.
#include "tests/user/fuzz_values.hpp"
#include "tests/user/ktap.h"

#include <atomic>
#include <csignal>
#include <dirent.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <sys/wait.h>

using namespace fuzz;

namespace {

struct Call {
  u32 x86_64, generic;
  const char* name;
  u32 number() const {
#ifdef __aarch64__
    return generic;
#else
    return x86_64;
#endif
  }
};
constexpr u32 kNoNumber = 0xffff;
constexpr Call kCalls[] = {
#include <syscall_numbers.inc> // of the implemented ones: the build takes them from syscall_table.hpp
};
constexpr u32 kNrCalls = sizeof kCalls / sizeof kCalls[0];

constexpr int kLogFd = 200; // outside of what Values::fd gives
constexpr const char* kFolder = "/tmp/fuzz";
constexpr u32 kCallsOfRound = 48;
constexpr long kPatience = 150; // milliseconds for a round

/// Shared by all processes of the run.
struct Shared {
  std::atomic<u64> calls;
  std::atomic<u32> made[kNrCalls], good[kNrCalls];
};
Shared* shared;
bool verbose;

/// The call, straight. A child that shares memory or stack with us must not come back here: it ends at once.
long call(u32 number, const u64 (&a)[6], bool makes_child) {
  const u64 exit_number = SYS_exit;
#ifdef __aarch64__
  register u64 x8 asm("x8") = number;
  register u64 x0 asm("x0") = a[0];
  register u64 x1 asm("x1") = a[1];
  register u64 x2 asm("x2") = a[2];
  register u64 x3 asm("x3") = a[3];
  register u64 x4 asm("x4") = a[4];
  register u64 x5 asm("x5") = a[5];
  register u64 is_child asm("x9") = makes_child ? 1 : 0;
  register u64 exit_call asm("x10") = exit_number;
  asm volatile("svc #0\n\tcbz x9, 1f\n\tcbnz x0, 1f\n2:\tmov x8, x10\n\tsvc #0\n\tb 2b\n1:"
               : "+r"(x0), "+r"(x8)
               : "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5), "r"(is_child), "r"(exit_call)
               : "memory", "cc");
  return static_cast<long>(x0);
#else
  long result;
  register u64 r10 asm("r10") = a[3];
  register u64 r8 asm("r8") = a[4];
  register u64 r9 asm("r9") = a[5];
  register u64 is_child asm("r12") = makes_child ? 1 : 0;
  register u64 exit_call asm("r13") = exit_number;
  asm volatile("syscall\n\ttest %%r12, %%r12\n\tjz 1f\n\ttest %%rax, %%rax\n\tjnz 1f\n"
               "2:\tmov %%r13, %%rax\n\txor %%edi, %%edi\n\tsyscall\n\tjmp 2b\n1:"
               : "=a"(result)
               : "a"(u64{number}), "D"(a[0]), "S"(a[1]), "d"(a[2]), "r"(r10), "r"(r8), "r"(r9), "r"(is_child),
                 "r"(exit_call)
               : "rcx", "r11", "memory", "cc");
  return result;
#endif
}

bool is_one_of(const char* name, std::initializer_list<const char*> list) {
  for (const char* other : list)
    if (std::strcmp(name, other) == 0) return true;
  return false;
}

/// Calls that end the child before it has done its work; made now and then all the same.
bool ends_the_round(const char* name) {
  return is_one_of(name, {"exit", "exit_group", "rt_sigreturn", "execve", "pause"});
}

/// One argument without which a call gets no further than its first line.
struct Recipe {
  const char* name;
  u32 argument;
  u64 value;
};
constexpr Recipe kRecipes[] = {
    {"rt_sigaction", 3, 8},
    {"rt_sigprocmask", 3, 8},
    {"rt_sigpending", 1, 8},
    {"rt_sigtimedwait", 3, 8},
    {"rt_sigsuspend", 1, 8},
    {"ppoll", 4, 8},
    {"epoll_pwait", 5, 8},
    {"epoll_pwait2", 5, 8},
    {"epoll_pwait", 4, 0},
    {"socketpair", 0, 1},
    {"socketpair", 1, 1},
    {"socketpair", 2, 0},
    {"socket", 0, 1},
    {"socket", 1, 1},
    {"set_robust_list", 1, 24},
    {"futex_waitv", 2, 0},
    {"futex_waitv", 1, 2},
    {"futex_waitv", 4, 1},
    {"sched_setattr", 2, 0},
    {"sched_getattr", 3, 0},
    {"clone3", 1, 64},
    {"clone3", 1, 88},
    {"getsockopt", 1, 1},
    {"setsockopt", 1, 1},
    {"sched_setscheduler", 1, 0},
    {"sched_setscheduler", 1, 1},
    {"sched_setscheduler", 1, 3},
    {"sendto", 4, 0},
    {"recvfrom", 4, 0},
    {"sendto", 0, 5},
    {"recvfrom", 0, 6},
    {"sendmsg", 0, 5},
    {"recvmsg", 0, 6},
    {"sendto", 3, 0x4040},
    {"recvfrom", 3, 0x40},
    {"sendmsg", 2, 0x4040},
    {"recvmsg", 2, 0x40},
    {"epoll_ctl", 0, 9},
    {"epoll_wait", 0, 9},
    {"epoll_pwait", 0, 9},
    {"epoll_pwait2", 0, 9},
    {"epoll_ctl", 1, 1},
    {"timerfd_settime", 0, 8},
    {"timerfd_settime", 1, 0},
    {"timer_settime", 0, 0},
    {"timer_settime", 1, 0},
    {"timer_create", 1, 0},
    {"timer_gettime", 0, 0},
    {"mmap", 0, 0},
    {"mmap", 1, 4096},
    {"mmap", 1, 70000},
    {"mmap", 4, 10},
    {"mmap", 5, 0},
    {"mremap", 3, 1},
    {"membarrier", 1, 0},
    {"membarrier", 0, 16},
    {"membarrier", 0, 8},
    {"fcntl", 1, 1030},
    {"fcntl", 1, 1031},
    {"fcntl", 1, 1033},
    {"wait4", 2, 1},
    {"wait4", 0, ~0ull},
    {"waitid", 3, 5},
    {"ftruncate", 0, 10},
    {"ftruncate", 1, 100000},
    {"sendfile", 1, 10},
    {"sendfile", 0, 4},
    {"getdents64", 0, 12},
    {"getdents64", 2, 4096},
    {"ioctl", 1, 0x5401},
    {"ioctl", 1, 0x5413},
    {"ioctl", 1, 0x541b},
    {"prctl", 0, 15},
    {"prctl", 0, 1},
    {"msync", 2, 4},
    {"unlinkat", 2, 0},
    {"unlinkat", 2, 0x200},
    {"unlinkat", 0, 11},
    {"linkat", 0, ~0ull - 99},
    {"linkat", 2, ~0ull - 99},
    {"renameat", 0, ~0ull - 99},
    {"renameat", 2, ~0ull - 99},
    {"readlinkat", 0, ~0ull - 99},
    {"openat", 0, ~0ull - 99},
    {"symlinkat", 1, ~0ull - 99},
    {"mkdirat", 0, ~0ull - 99},
    {"faccessat", 0, ~0ull - 99},
    {"statx", 0, ~0ull - 99},
    {"preadv2", 5, 0},
    {"pwritev2", 5, 0},
    {"pwritev2", 0, 10},
    {"preadv2", 0, 10},
    {"pwritev", 0, 10},
    {"preadv", 0, 10},
    {"pwrite64", 0, 10},
    {"pread64", 0, 10},
    {"futex", 1, 9},
    {"futex", 1, 0x86},
    {"futex", 1, 12},
    {"futex", 1, 3},
};

void choose_arguments(const Call& chosen, Values& values, u64 (&a)[6]) {
  const std::string_view kinds = runnel::user::syscall_arguments(chosen.name);
  for (u32 i = 0; i < 6; ++i) {
    const auto kind = i < kinds.size() ? static_cast<Argument>(kinds[i]) : Argument::kUnsigned;
    if (kind != Argument::kPid && values.random.one_in(6)) // anything at all, but for whom it is meant
      a[i] = values.random.one_in(2) ? values.address() : values.number();
    else
      a[i] = values.of_kind(kind);
  }
  if (!values.random.one_in(4))
    for (const Recipe& recipe : kRecipes)
      if (std::strcmp(recipe.name, chosen.name) == 0 && !values.random.one_in(4))
        a[recipe.argument] = recipe.value;
  if (is_one_of(chosen.name, {"msync", "mincore", "mlock", "munlock"}) && !values.random.one_in(4))
    a[0] &= ~(kPage - 1);
  // Our own code and stack stay where they are.
  if (is_one_of(chosen.name, {"munmap", "mprotect", "mremap", "madvise"}) && !values.random.one_in(50)) {
    a[0] = reinterpret_cast<u64>(values.data()) & ~(kPage - 1);
    if (a[1] > 3 * kPage) a[1] = values.random.below(3 * kPage);
  }
  if (is_one_of(chosen.name, {"brk", "close_range"}) && !values.random.one_in(20)) a[0] = 0, a[1] = 4;
  if (is_one_of(chosen.name, {"setpgid"})) a[0] = 0; // the group is how we are killed
}

void print_call(u64 round, const Call& chosen, const u64 (&a)[6]) {
  char line[256];
  const int size = snprintf(line, sizeof line, "# %llu/%d %s(%#llx, %#llx, %#llx, %#llx, %#llx, %#llx)\n",
                            static_cast<unsigned long long>(round), getpid(), chosen.name,
                            static_cast<unsigned long long>(a[0]), static_cast<unsigned long long>(a[1]),
                            static_cast<unsigned long long>(a[2]), static_cast<unsigned long long>(a[3]),
                            static_cast<unsigned long long>(a[4]), static_cast<unsigned long long>(a[5]));
  static_cast<void>(!write(kLogFd, line, static_cast<size_t>(size)));
}

void on_alarm(int) {}

/// A call that sleeps is interrupted, whatever the calls before did to prevent it.
void set_alarm() {
  struct sigaction action{};
  action.sa_handler = on_alarm;
  sigaction(SIGALRM, &action, nullptr);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  const itimerval soon = {{0, 2000}, {0, 2000}};
  setitimer(ITIMER_REAL, &soon, nullptr);
}

struct Player {
  const Arena* arena;
  u64 seed, round;
};

void* make_calls(void* argument) {
  const Player& player = *static_cast<Player*>(argument);
  Values values(player.seed, *player.arena);
  u32 which = 0;
  for (u32 i = 0; i < kCallsOfRound; ++i) {
    // A call now and then follows itself: what the first one left, the second one meets.
    if (i == 0 || !values.random.one_in(6)) which = static_cast<u32>(values.random.below(kNrCalls));
    const Call& chosen = kCalls[which];
    if (chosen.number() == kNoNumber) continue;
    if (ends_the_round(chosen.name) && !values.random.one_in(8)) continue;
    u64 a[6];
    choose_arguments(chosen, values, a);
    const bool makes_child = is_one_of(chosen.name, {"clone", "clone3", "fork", "vfork"});
    set_alarm();
    if (verbose) print_call(player.round, chosen, a);
    shared->calls.fetch_add(1);
    shared->made[which].fetch_add(1);
    const long result = call(chosen.number(), a, makes_child);
    if (result >= 0 || result < -4095) shared->good[which].fetch_add(1);
  }
  return nullptr;
}

void limit(int what, rlim_t most) {
  const rlimit wanted = {most, most};
  setrlimit(static_cast<__rlimit_resource>(what), &wanted);
}

/// Descriptors 3 and up: one of each kind.
void open_things() {
  const int null = open("/dev/null", O_RDWR);
  for (int fd = 0; fd < 3; ++fd) dup2(null, fd);
  close(null);
  int pair[2];
  static_cast<void>(!pipe(pair));
  socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
  static_cast<void>(!write(pair[0], "some bytes", 10));
  const int event = eventfd(1, 0);
  timerfd_create(CLOCK_MONOTONIC, 0);
  const int set = epoll_create1(0);
  epoll_event interest = {EPOLLIN, {.u64 = 7}};
  epoll_ctl(set, EPOLL_CTL_ADD, event, &interest);
  const int memory = memfd_create("fuzz", 0);
  static_cast<void>(!write(memory, "memory", 6));
  const int file = open("a", O_RDWR | O_CREAT, 0644);
  static_cast<void>(!write(file, "file", 4));
  for (const char* path : {".", "/proc", "/proc/self/maps", "/proc/self/stat", "/dev/zero", "/dev/urandom",
                           "/proc/self/fd", "/proc/self/mem", "/sys"})
    open(path, std::strcmp(path, "/dev/zero") == 0 ? O_RDWR : O_RDONLY);
}

[[noreturn]] void play_round(u64 seed, u64 round) {
  setpgid(0, 0);
  open_things();
  limit(RLIMIT_AS, 64u << 20);
  limit(RLIMIT_FSIZE, 1u << 20);
  limit(RLIMIT_NPROC, 64);
  limit(RLIMIT_CORE, 0);
  static_cast<void>(!chroot("."));
  const Arena arena;
  Random random(seed ^ round * 0x2545f4914f6cdd1d);
  random.next();
  if (random.one_in(3)) static_cast<void>(!setuid(1000));
  Player players[3];
  for (Player& player : players) player = {&arena, random.next(), round};
  pthread_t threads[2];
  const u32 others = random.one_in(2) ? 0 : 1 + static_cast<u32>(random.below(2));
  for (u32 i = 0; i < others; ++i) pthread_create(&threads[i], nullptr, make_calls, &players[i]);
  make_calls(&players[2]);
  for (u32 i = 0; i < others; ++i) pthread_join(threads[i], nullptr);
  _exit(0);
}

/// Whatever `path` holds, and itself.
void remove_tree(const char* path) {
  chmod(path, 0700);
  if (DIR* const folder = opendir(path)) {
    while (const dirent* const entry = readdir(folder)) {
      if (is_one_of(entry->d_name, {".", ".."})) continue;
      char inner[4096];
      if (snprintf(inner, sizeof inner, "%s/%s", path, entry->d_name) >= static_cast<int>(sizeof inner))
        continue;
      struct stat found{};
      if (lstat(inner, &found) == 0 && S_ISDIR(found.st_mode))
        remove_tree(inner);
      else
        unlink(inner);
    }
    closedir(folder);
  }
  rmdir(path);
}

/// Kills the round and all it has begun. False: something would not die.
bool end_round(pid_t child) {
  sigset_t child_signal;
  sigemptyset(&child_signal);
  sigaddset(&child_signal, SIGCHLD);
  timespec patience = {0, kPatience * 1'000'000};
  while (waitpid(child, nullptr, WNOHANG) == 0)
    if (sigtimedwait(&child_signal, nullptr, &patience) < 0 && errno == EAGAIN) break;
  // Whoever it left behind, also in a group or session of their own, is our child now, or a child of those.
  for (u32 tries = 0; tries < 20000; ++tries) {
    kill(-child, SIGKILL);
    kill(-1, SIGKILL);
    while (waitpid(-1, nullptr, WNOHANG) > 0) {
    }
    if (waitpid(-1, nullptr, WNOHANG) < 0 && errno == ECHILD) return true;
    const timespec moment = {0, 1'000'000};
    nanosleep(&moment, nullptr);
  }
  return false;
}

u64 free_memory() {
  struct sysinfo info{};
  return sysinfo(&info) == 0 ? info.freeram * info.mem_unit : 0;
}

} // namespace

int main(int argc, char** argv) {
  if (argc < 3) {
    printf("# fuzz_syscalls SEED COUNT [FIRST]\n");
    return 2;
  }
  const u64 seed = strtoull(argv[1], nullptr, 0);
  const u64 count = strtoull(argv[2], nullptr, 0);
  const u64 first = argc > 3 ? strtoull(argv[3], nullptr, 0) : 0;
  const char* const how = getenv("FUZZ_VERBOSE");
  verbose = how != nullptr && *how == '1';
  plan(3);
  shared = static_cast<Shared*>(
      mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
  if (verbose) dup2(1, kLogFd);
  prctl(PR_SET_CHILD_SUBREAPER, 1);
  sigset_t child_signal;
  sigemptyset(&child_signal);
  sigaddset(&child_signal, SIGCHLD);
  sigprocmask(SIG_BLOCK, &child_signal, nullptr);
  mkdir("/tmp", 0777);
  bool ready = true;
  bool all_died = true;
  u64 before = 0;
  for (u64 round = first; round < first + count && ready && all_died; ++round) {
    ready = mkdir(kFolder, 0777) == 0 && chdir(kFolder) == 0;
    const pid_t child = fork();
    if (child == 0) play_round(seed, round);
    all_died = child > 0 && end_round(child);
    ready = ready && chdir("/") == 0;
    remove_tree(kFolder);
    if (round == first + 8) before = free_memory();
    if (how != nullptr && round % 100 == 99) {
      printf("# round %llu, free %llu KiB\n", static_cast<unsigned long long>(round),
             static_cast<unsigned long long>(free_memory() / 1024));
      fflush(stdout);
    }
  }
  const u64 after = free_memory();
  check_named(ready, "each round has its directory");
  check_named(all_died, "what was killed died");
  check_named(shared->calls.load() >= count, "calls were made");
  if (how != nullptr) {
    printf("# %llu calls, memory %lld KiB\n", static_cast<unsigned long long>(shared->calls.load()),
           before == 0 ? 0 : static_cast<long long>(before - after) / 1024);
    for (u32 i = 0; i < kNrCalls && *how == '2'; ++i)
      if (kCalls[i].number() != kNoNumber)
        printf("# %s: %u made, %u good\n", kCalls[i].name, shared->made[i].load(), shared->good[i].load());
  }
  return finished();
}
