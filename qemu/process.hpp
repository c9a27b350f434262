// SPDX-License-Identifier: Apache-2.0
// A child process: its pipes, its end, and the promise that it does not outlive the tool, however that ends.
#pragma once

#include "qemu/unique_fd.hpp"

#include <optional>
#include <string>
#include <sys/types.h>
#include <utility>
#include <vector>

namespace runnel::qemu {

/// What a standard stream of the child is.
enum class Stream { kInherit, kNull, kPipe };
/// kOwn: a terminal's Ctrl-C does not reach the child; the tool ends it.
enum class Group { kOwn, kShared };

struct SpawnOptions {
  std::vector<std::string> argv; // argv[0] is looked up in PATH
  Stream in = Stream::kNull;
  Stream out = Stream::kPipe;
  Stream err = Stream::kPipe;
  Group group = Group::kOwn;
  std::vector<int> keep_fds{}; // descriptors the child keeps, with their numbers
  std::vector<std::pair<std::string, std::string>> environment{}; // added to the tool's own
};

class Process {
 public:
  /// Starts it; throws Failure(kMissing) when the program cannot be executed. The kernel kills the child when
  /// the calling thread ends, so that thread has to outlive it.
  static Process spawn(const SpawnOptions& options);
  Process() = default;
  Process(Process&&) = default;
  Process& operator=(Process&&) = delete;
  /// Kills the child's whole group when it still runs, and collects it.
  ~Process();

  pid_t pid() const { return pid_; }
  UniqueFd& in() { return in_; }
  UniqueFd& out() { return out_; }
  UniqueFd& err() { return err_; }
  /// Readable when the child has ended.
  int end_fd() const { return end_.get(); }

  /// waitpid's status, once it has ended.
  std::optional<int> status();
  int wait();
  void kill(int signal) const;

 private:
  struct Pid { // moves out as 0
    pid_t value = 0;
    Pid() = default;
    Pid(Pid&& other) noexcept : value(std::exchange(other.value, 0)) {}
    Pid& operator=(pid_t p) { return value = p, *this; }
    operator pid_t() const { return value; }
  };
  Pid pid_;
  Group group_ = Group::kOwn;
  std::optional<int> status_;
  UniqueFd in_, out_, err_, end_;
};

/// "exited with status 3", "was killed by signal 9 (Killed)".
std::string describe_status(int wait_status);

/// Reads until `fd` would block or ends, appending to `text`; false at the end of the stream.
bool read_available(int fd, std::string& text);

struct Finished {
  int wait_status = 0;
  std::string out; // standard output and error, in the order they came
  bool timed_out = false;
};
/// Runs to the end, collecting output. After `limit_seconds` it is killed. Throws Failure(kInterrupted).
Finished run_to_end(SpawnOptions options, double limit_seconds);

} // namespace runnel::qemu
