// SPDX-License-Identifier: Apache-2.0
#include "qemu/console.hpp"

#include "qemu/interrupt.hpp"
#include "qemu/lines.hpp"
#include "qemu/process.hpp"

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <fmt/format.h>
#include <optional>
#include <poll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <termios.h>

namespace runnel::qemu {
namespace {

constexpr char kCtrlA = 1, kCtrlD = 4;
constexpr std::string_view kPrompt = "runnel> ";

/// Raw mode of standard input while it lives.
class RawTerminal {
 public:
  RawTerminal() : active_(::isatty(STDIN_FILENO) == 1 && ::tcgetattr(STDIN_FILENO, &old_) == 0) {
    if (!active_) return;
    termios raw = old_;
    ::cfmakeraw(&raw);
    raw.c_oflag = old_.c_oflag; // line ends are still turned into what the terminal wants
    ::tcsetattr(STDIN_FILENO, TCSANOW, &raw);
  }
  ~RawTerminal() {
    if (active_) ::tcsetattr(STDIN_FILENO, TCSANOW, &old_);
  }
  RawTerminal(const RawTerminal&) = delete;
  RawTerminal& operator=(const RawTerminal&) = delete;
  bool active() const { return active_; }

 private:
  termios old_ = {};
  bool active_;
};

void write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t n = ::write(fd, text.data(), text.size());
    if (n > 0)
      text.remove_prefix(static_cast<std::size_t>(n));
    else if (n < 0 && errno == EAGAIN) {
      pollfd wait = {fd, POLLOUT, 0};
      ::poll(&wait, 1, 1000);
    } else if (n >= 0 || errno != EINTR)
      return; // nobody reads any more
  }
}

class Console {
 public:
  explicit Console(const MachineSpec& machine) : arch_(machine.arch) {
    int pair[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
      throw Failure(ExitStatus::kInternal, "cannot make a socket pair");
    qmp_ours_.reset(pair[0]);
    const UniqueFd theirs(pair[1]);
    process_.emplace(Process::spawn(
        {.argv = qemu_command(machine, theirs.get()), .in = Stream::kPipe, .keep_fds = {theirs.get()}}));
  }

  GuestRun run() {
    while (!done_) {
      const bool want_input = input_open_ && (raw_.active() || pending_.empty());
      pollfd fds[] = {{process_->end_fd(), POLLIN, 0},
                      {process_->out() ? process_->out().get() : -1, POLLIN, 0},
                      {process_->err() ? process_->err().get() : -1, POLLIN, 0},
                      {want_input ? STDIN_FILENO : -1, POLLIN, 0},
                      {interrupt_fd(), POLLIN, 0}};
      ::poll(fds, std::size(fds), 1000);
      if (interrupted()) {
        run_.end = RunEnd::kInterrupted;
        break;
      }
      if (fds[3].revents != 0) read_input();
      read_output();
      feed_line();
      if (const auto status = process_->status()) {
        read_output();
        ended(*status);
      }
    }
    process_->kill(SIGKILL);
    process_->wait();
    return std::move(run_);
  }

 private:
  void read_input() {
    char buffer[4096];
    const ssize_t n = ::read(STDIN_FILENO, buffer, sizeof buffer);
    if (n <= 0) {
      if (n < 0 && (errno == EINTR || errno == EAGAIN)) return;
      input_open_ = false;
      if (!raw_.active()) pending_ += std::string("\n") + kCtrlD;
      return;
    }
    const std::string_view keys(buffer, static_cast<std::size_t>(n));
    if (!raw_.active()) {
      pending_ += keys;
      return;
    }
    for (const char key : keys) take_key(key);
  }

  void take_key(char key) {
    if (!escape_ && key == kCtrlA) {
      escape_ = true;
      return;
    }
    if (escape_) {
      escape_ = false;
      if (key == 'x') {
        fmt::print("\r\nquit\r\n");
        run_.end = RunEnd::kSaid; // by the user, and that is fine
        run_.said = GuestEnd::kPassed;
        done_ = true;
        return;
      }
      if (key == 'h') {
        fmt::print("\r\nCtrl-A x: quit   Ctrl-A h: this   Ctrl-A Ctrl-A: Ctrl-A for the guest\r\n");
        std::fflush(stdout);
        return;
      }
    }
    write_all(process_->in().get(), {&key, 1});
  }

  /// Input that is no terminal's waits for the prompt, a line at a time: the guest's buffer is small.
  void feed_line() {
    if (raw_.active() || pending_.empty() || !at_prompt_) return;
    const auto end = pending_.find('\n');
    if (end == std::string::npos && input_open_) return;
    const std::size_t n = end == std::string::npos ? pending_.size() : end + 1;
    at_prompt_ = false;
    write_all(process_->in().get(), std::string_view(pending_).substr(0, n));
    pending_.erase(0, n);
  }

  void read_output() {
    std::string bytes;
    if (process_->out() && !read_available(process_->out().get(), bytes)) process_->out().reset();
    if (process_->err() && !read_available(process_->err().get(), run_.qemu_messages))
      process_->err().reset();
    if (bytes.empty()) return;
    write_all(STDOUT_FILENO, bytes);
    run_.serial += bytes;
    if (run_.serial.ends_with(kPrompt)) at_prompt_ = true;
    lines_.feed(bytes, [this](const std::string& line) {
      const ProtocolLine parsed = parse_protocol_line(line);
      if (const auto* end = std::get_if<EndLine>(&parsed)) said_ = end->end;
      if (const auto* error = std::get_if<ErrorLine>(&parsed)) run_.reason = error->text;
      if (std::holds_alternative<BootLine>(parsed)) run_.boot_line = line;
    });
    // Only the tail is needed, to find the prompt.
    if (run_.serial.size() > 65536) run_.serial.erase(0, 32768);
  }

  void ended(int status) {
    done_ = true;
    const u32 code = WIFEXITED(status) ? static_cast<u32>(WEXITSTATUS(status)) : 0;
    const auto by_code = end_of_exit_code(arch_ == Arch::kX86_64 ? code / 2 : code);
    if (said_ && by_code == said_) {
      run_.end = RunEnd::kSaid;
      run_.said = *said_;
      return;
    }
    run_.end = WIFEXITED(status) && code == 1 && run_.serial.empty() ? RunEnd::kRefused : RunEnd::kDied;
    run_.reason = fmt::format("QEMU {}", describe_status(status));
  }

  const Arch arch_;
  UniqueFd qmp_ours_; // kept open, never read: QEMU wants somebody there
  std::optional<Process> process_;
  const RawTerminal raw_;
  LineSplitter lines_;
  GuestRun run_;
  std::optional<GuestEnd> said_;
  std::string pending_;
  bool input_open_ = true, at_prompt_ = false, escape_ = false, done_ = false;
};

} // namespace

GuestRun run_console(const MachineSpec& machine) { return Console(machine).run(); }

} // namespace runnel::qemu
