// SPDX-License-Identifier: Apache-2.0
#include "qemu/process.hpp"

#include "qemu/exit_status.hpp"
#include "qemu/interrupt.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

namespace runnel::qemu {
namespace {

struct Pipe {
  UniqueFd read, write;
};

Pipe make_pipe() {
  int fds[2];
  if (::pipe2(fds, O_CLOEXEC) != 0)
    throw Failure(ExitStatus::kInternal, fmt::format("pipe: {}", std::strerror(errno)));
  return {UniqueFd(fds[0]), UniqueFd(fds[1])};
}

void set_nonblocking(int fd) { ::fcntl(fd, F_SETFL, ::fcntl(fd, F_GETFL) | O_NONBLOCK); }

/// Everything the child needs, prepared before fork: afterwards only async-signal-safe calls are allowed.
struct ChildPlan {
  std::vector<char*> argv;
  std::vector<char*> envp;
  std::array<int, 3> streams{-1, -1, -1}; // -1: inherited
  std::vector<int> keep_fds;
  Group group = Group::kOwn;
  pid_t parent = 0;
  int error_fd = -1;
};

[[noreturn]] void become(const ChildPlan& plan) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != plan.parent) ::_exit(127); // it died before the line above
  if (plan.group == Group::kOwn) ::setpgid(0, 0);
  for (int i = 0; i < 3; ++i)
    if (plan.streams[static_cast<std::size_t>(i)] >= 0) ::dup2(plan.streams[static_cast<std::size_t>(i)], i);
  for (const int fd : plan.keep_fds) ::fcntl(fd, F_SETFD, 0);
  struct sigaction action = {};
  action.sa_handler = SIG_DFL;
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGPIPE}) ::sigaction(signal, &action, nullptr);
  ::execvpe(plan.argv[0], plan.argv.data(), plan.envp.data());
  const int error = errno;
  [[maybe_unused]] const auto written = ::write(plan.error_fd, &error, sizeof error);
  ::_exit(127);
}

} // namespace

Process Process::spawn(const SpawnOptions& options) {
  Process process;
  process.group_ = options.group;
  ChildPlan plan;
  for (const std::string& word : options.argv) plan.argv.push_back(const_cast<char*>(word.c_str()));
  plan.argv.push_back(nullptr);
  std::vector<std::string> added;
  for (const auto& [name, value] : options.environment) added.push_back(name + "=" + value);
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text(*entry);
    const bool replaced = std::ranges::any_of(options.environment, [&](const auto& pair) {
      return text.starts_with(pair.first) && text.substr(pair.first.size()).starts_with('=');
    });
    if (!replaced) plan.envp.push_back(*entry);
  }
  for (std::string& entry : added) plan.envp.push_back(entry.data());
  plan.envp.push_back(nullptr);
  plan.keep_fds = options.keep_fds;
  plan.group = options.group;
  plan.parent = ::getpid();

  const UniqueFd null(::open("/dev/null", O_RDWR | O_CLOEXEC));
  std::array<UniqueFd, 3> child_ends;
  const std::array<Stream, 3> kinds{options.in, options.out, options.err};
  const std::array<UniqueFd*, 3> ours{&process.in_, &process.out_, &process.err_};
  for (std::size_t i = 0; i < 3; ++i) {
    if (kinds[i] == Stream::kInherit) continue;
    if (kinds[i] == Stream::kNull) {
      plan.streams[i] = null.get();
      continue;
    }
    Pipe pipe = make_pipe();
    *ours[i] = std::move(i == 0 ? pipe.write : pipe.read);
    child_ends[i] = std::move(i == 0 ? pipe.read : pipe.write);
    set_nonblocking(ours[i]->get());
    plan.streams[i] = child_ends[i].get();
  }
  Pipe error = make_pipe();
  plan.error_fd = error.write.get();

  const pid_t pid = ::fork();
  if (pid < 0) throw Failure(ExitStatus::kInternal, fmt::format("fork: {}", std::strerror(errno)));
  if (pid == 0) become(plan);
  process.pid_ = pid;
  error.write.reset();
  int why = 0;
  if (::read(error.read.get(), &why, sizeof why) == static_cast<ssize_t>(sizeof why))
    throw Failure(ExitStatus::kMissing,
                  fmt::format("cannot start {}: {}", options.argv.at(0), std::strerror(why)));
  process.end_.reset(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  return process;
}

Process::~Process() {
  if (pid_ <= 0) return;
  if (!status_) kill(SIGKILL);
  wait();
}

void Process::kill(int signal) const {
  if (pid_ <= 0 || status_) return;
  // The group may not exist yet (before the child's setpgid) or be shared: then the process alone.
  if (group_ != Group::kOwn || ::kill(-pid_, signal) != 0) ::kill(pid_, signal);
}

std::optional<int> Process::status() {
  int status = 0;
  if (!status_ && pid_ > 0 && ::waitpid(pid_, &status, WNOHANG) == pid_) status_ = status;
  return status_;
}

int Process::wait() {
  int status = 0;
  while (!status_ && pid_ > 0) {
    if (::waitpid(pid_, &status, 0) == pid_)
      status_ = status;
    else if (errno != EINTR)
      status_ = 0;
  }
  return status_.value_or(0);
}

std::string describe_status(int status) {
  if (WIFSIGNALED(status))
    return fmt::format("was killed by signal {} ({})", WTERMSIG(status), ::strsignal(WTERMSIG(status)));
  return fmt::format("exited with status {}", WEXITSTATUS(status));
}

bool read_available(int fd, std::string& text) {
  char buffer[16384];
  for (;;) {
    const ssize_t n = ::read(fd, buffer, sizeof buffer);
    if (n > 0)
      text.append(buffer, static_cast<std::size_t>(n));
    else if (n < 0 && errno == EINTR)
      continue;
    else
      return n < 0 && errno == EAGAIN;
  }
}

Finished run_to_end(SpawnOptions options, double limit_seconds) {
  using Clock = std::chrono::steady_clock;
  Process process = Process::spawn(options);
  const auto deadline = Clock::now() + std::chrono::duration_cast<Clock::duration>(
                                           std::chrono::duration<double>(limit_seconds));
  Finished finished;
  while (!process.status()) {
    throw_if_interrupted();
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now()).count();
    if (left <= 0 && !finished.timed_out) {
      finished.timed_out = true;
      process.kill(SIGKILL);
    }
    pollfd fds[] = {{process.end_fd(), POLLIN, 0},
                    {process.out().get(), POLLIN, 0},
                    {process.err().get(), POLLIN, 0},
                    {interrupt_fd(), POLLIN, 0}};
    ::poll(fds, std::size(fds), static_cast<int>(std::clamp<long>(left, 0, 1000)));
    for (UniqueFd* fd : {&process.out(), &process.err()})
      if (*fd && !read_available(fd->get(), finished.out)) fd->reset();
  }
  for (UniqueFd* fd : {&process.out(), &process.err()})
    if (*fd) read_available(fd->get(), finished.out);
  finished.wait_status = process.wait();
  return finished;
}

} // namespace runnel::qemu
