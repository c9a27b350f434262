// SPDX-License-Identifier: Apache-2.0
#include "qemu/guest.hpp"

#include "qemu/exec/input.hpp"
#include "qemu/files.hpp"
#include "qemu/interrupt.hpp"
#include "qemu/lines.hpp"
#include "qemu/postmortem.hpp"
#include "qemu/process.hpp"
#include "qemu/qmp.hpp"

#include <chrono>
#include <csignal>
#include <fmt/format.h>
#include <optional>
#include <poll.h>
#include <sys/socket.h>
#include <sys/wait.h>

namespace runnel::qemu {
namespace {

using Clock = std::chrono::steady_clock;

// After `runnel: end` QEMU has this long to be gone.
constexpr double kExitSeconds = 10;

double since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

class Session {
 public:
  explicit Session(const GuestOptions& options) : options_(options), start_(Clock::now()) {
    int pair[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
      throw Failure(ExitStatus::kInternal, "cannot make a socket pair");
    const UniqueFd theirs(pair[1]);
    qmp_.emplace(UniqueFd(pair[0]));
    process_.emplace(Process::spawn({.argv = qemu_command(options.machine, theirs.get()),
                                     .in = options.pass_input ? Stream::kPipe : Stream::kNull,
                                     .keep_fds = {theirs.get()}}));
    if (options.pass_input) input_.emplace(process_->in().get());
    last_output_ = Clock::now();
  }

  GuestRun run() {
    while (!done_) step();
    run_.seconds = since(start_);
    return std::move(run_);
  }

 private:
  void step() {
    pollfd fds[] = {{process_->end_fd(), POLLIN, 0},
                    {process_->out().get(), POLLIN, 0},
                    {process_->err().get(), POLLIN, 0},
                    {qmp_open_ ? qmp_->fd() : -1, POLLIN, 0},
                    {interrupt_fd(), POLLIN, 0},
                    {-1, 0, 0},
                    {-1, 0, 0}};
    const bool gives_input = input_ && !run_.boot_line.empty();
    if (gives_input) input_->prepare(fds[5], fds[6]);
    ::poll(fds, std::size(fds), 250);
    if (interrupted()) return finish(RunEnd::kInterrupted, "interrupted");
    if (gives_input && !input_->pump(fds[5], fds[6])) return finish(RunEnd::kInterrupted, "interrupted");
    read_streams();
    if (said_) return after_end();
    if (qmp_open_) {
      qmp_open_ = qmp_->pump();
      if (take_events()) return;
    }
    if (const auto status = process_->status()) {
      read_streams(); // what it wrote last
      return said_ ? after_end() : ended(*status);
    }
    if (since(last_output_) > options_.silence_seconds) examine_silent();
  }

  void read_streams() {
    std::string bytes;
    if (process_->out() && !read_available(process_->out().get(), bytes)) process_->out().reset();
    if (!bytes.empty()) last_output_ = Clock::now();
    run_.serial += bytes;
    if (options_.on_bytes && !bytes.empty()) options_.on_bytes(bytes);
    const auto take = [this](const std::string& line) { take_line(line); };
    lines_.feed(bytes, take);
    if (!process_->out()) lines_.finish(take);
    if (process_->err() && !read_available(process_->err().get(), run_.qemu_messages))
      process_->err().reset();
  }

  void take_line(const std::string& line) {
    const ProtocolLine parsed = parse_protocol_line(line);
    if (const auto* boot = std::get_if<BootLine>(&parsed)) {
      run_.boot_line = boot->text;
      run_.boot_seconds = since(start_);
    } else if (const auto* panic = std::get_if<PanicLine>(&parsed)) {
      if (run_.reason.empty()) run_.reason = "panic: " + panic->text;
    } else if (const auto* hang = std::get_if<HangLine>(&parsed)) {
      if (run_.reason.empty()) run_.reason = "hang: " + hang->text;
    } else if (const auto* error = std::get_if<ErrorLine>(&parsed)) {
      if (run_.reason.empty()) run_.reason = error->text;
    } else if (const auto* running = std::get_if<WhileRunningLine>(&parsed)) {
      if (run_.running.empty()) run_.running = running->test;
    } else if (const auto* bulk = std::get_if<BulkLine>(&parsed)) {
      if (!said_) announced_.push_back(*bulk);
    } else if (const auto* end = std::get_if<EndLine>(&parsed)) {
      if (!said_) said_ = end->end;
    }
    if (options_.on_line) options_.on_line(line);
  }

  /// The end line came: memory is saved if that was asked for, then QEMU has to go.
  void after_end() {
    run_.said = *said_;
    if (options_.save_bulk) {
      save_bulk();
      return finish(RunEnd::kSaid, run_.reason);
    }
    const auto said_at = Clock::now();
    while (!process_->status()) {
      read_streams();
      if (interrupted()) return finish(RunEnd::kInterrupted, "interrupted");
      // A machine that powers off (instead of exiting with a code) is paused by us.
      if (qmp_open_) qmp_open_ = qmp_->pump();
      if (qmp_open_ && shutdown_event()) return finish(RunEnd::kSaid, run_.reason);
      if (since(said_at) > kExitSeconds)
        return finish(RunEnd::kDied, "QEMU did not end within 10 s of the guest's end line");
      pollfd fds[] = {{process_->end_fd(), POLLIN, 0},
                      {qmp_open_ ? qmp_->fd() : -1, POLLIN, 0},
                      {interrupt_fd(), POLLIN, 0}};
      ::poll(fds, std::size(fds), 250);
    }
    read_streams();
    const int status = process_->wait();
    const u32 code = WIFEXITED(status) ? static_cast<u32>(WEXITSTATUS(status)) : 0;
    const bool x86 = options_.machine.arch == Arch::kX86_64; // isa-debug-exit: 2 * code + 1
    const auto by_code = end_of_exit_code(x86 ? code / 2 : code);
    if (by_code && *by_code == run_.said) return finish(RunEnd::kSaid, run_.reason);
    finish(RunEnd::kDied,
           fmt::format("the guest said '{}', but QEMU {}", to_string(run_.said), describe_status(status)));
  }

  bool shutdown_event() {
    for (Qmp::Json event = qmp_->next_event(); !event.is_null(); event = qmp_->next_event())
      if (event["event"] == "SHUTDOWN") {
        shutdown_reason_ = event.value("data", Qmp::Json::object()).value("reason", "");
        return true;
      }
    return false;
  }

  bool take_events() {
    if (!shutdown_event()) return false;
    read_streams();
    if (said_) return after_end(), true;
    const bool reset = shutdown_reason_ == "guest-reset";
    examine();
    finish(RunEnd::kReset, reset ? "the guest reset the machine (a triple fault, or a reboot)"
                                 : fmt::format("the guest stopped the machine ({})", shutdown_reason_));
    return true;
  }

  void ended(int status) {
    const bool refused = run_.serial.empty() && WIFEXITED(status) && WEXITSTATUS(status) == 1;
    std::string first = run_.qemu_messages.substr(0, run_.qemu_messages.find('\n'));
    finish(refused ? RunEnd::kRefused : RunEnd::kDied,
           fmt::format("QEMU {}{}{}", describe_status(status), first.empty() ? "" : ": ", first));
  }

  void examine_silent() {
    examine();
    finish(RunEnd::kSilent, fmt::format("no output for {:g} s", options_.silence_seconds));
  }

  void examine() {
    const PostmortemOptions how{.elf = options_.elf, .folder = options_.postmortem};
    run_.postmortem = qmp_open_ ? examine_guest(*qmp_, how) : "QEMU does not answer\n";
  }

  void save_bulk() {
    const TempFolder folder;
    try {
      qmp_->execute("stop");
      for (const BulkLine& bulk : announced_) {
        const auto file = folder.path() / "bulk";
        qmp_->execute("pmemsave", {{"val", bulk.address}, {"size", bulk.bytes}, {"filename", file.string()}},
                      std::chrono::seconds(30));
        run_.bulk[bulk.name] = read_file(file);
      }
    } catch (const std::exception& error) {
      run_.reason = fmt::format("the guest's memory could not be saved: {}", error.what());
    }
  }

  void finish(RunEnd end, std::string reason) {
    run_.end = end;
    run_.reason = std::move(reason);
    process_->kill(SIGKILL);
    process_->wait();
    done_ = true;
  }

  const GuestOptions& options_;
  const Clock::time_point start_;
  Clock::time_point last_output_;
  std::optional<Qmp> qmp_;
  std::optional<Process> process_;
  std::optional<GuestInput> input_;
  LineSplitter lines_;
  GuestRun run_;
  std::optional<GuestEnd> said_;
  std::vector<BulkLine> announced_;
  std::string shutdown_reason_;
  bool qmp_open_ = true;
  bool done_ = false;
};

} // namespace

GuestRun run_guest(const GuestOptions& options) { return Session(options).run(); }

ExitStatus status_of(const GuestRun& run) {
  switch (run.end) {
  case RunEnd::kInterrupted:
    return ExitStatus::kInterrupted;
  case RunEnd::kReset:
  case RunEnd::kDied:
    return ExitStatus::kCrash;
  case RunEnd::kSilent:
    // A guest that spoke and then stopped hangs; one that never said a word may not even run.
    return run.boot_line.empty() ? ExitStatus::kCrash : ExitStatus::kHang;
  case RunEnd::kRefused:
    return ExitStatus::kBootFailed;
  case RunEnd::kSaid:
    break;
  }
  switch (run.said) {
  case GuestEnd::kPassed:
    return ExitStatus::kPassed;
  case GuestEnd::kFailed:
    return ExitStatus::kFailed;
  case GuestEnd::kPanic:
    return ExitStatus::kPanic;
  case GuestEnd::kHang:
    return ExitStatus::kHang;
  case GuestEnd::kBadCommandLine:
  case GuestEnd::kBootFailed:
    return ExitStatus::kBootFailed;
  case GuestEnd::kInternal:
    break;
  }
  return ExitStatus::kInternal;
}

} // namespace runnel::qemu
