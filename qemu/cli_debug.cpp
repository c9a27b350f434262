// SPDX-License-Identifier: Apache-2.0
// runnel debug: a guest stopped at its first instruction, and gdb with the kernel's symbols connected to it.
#include "qemu/cli.hpp"
#include "qemu/cli_interactive.hpp"
#include "qemu/interrupt.hpp"
#include "qemu/process.hpp"

#include <csignal>
#include <cstdio>
#include <fcntl.h>
#include <fmt/format.h>
#include <memory>
#include <sys/socket.h>
#include <sys/wait.h>
#include <thread>

namespace runnel::qemu {
namespace {

struct Options : InteractiveOptions {
  std::string serial;
  std::vector<std::string> batch;
};

/// Copies the guest's serial port to a file while gdb has the terminal.
void copy_serial(int from, const fs::path& to) {
  const UniqueFd file(::open(to.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666));
  ::fcntl(from, F_SETFL, 0); // wait for it
  char buffer[4096];
  for (ssize_t n; (n = ::read(from, buffer, sizeof buffer)) > 0;)
    if (::write(file.get(), buffer, static_cast<std::size_t>(n)) < 0) return;
}

std::vector<std::string> gdb_command(const Options& options, const fs::path& elf, const fs::path& socket) {
  std::vector<std::string> argv = {"gdb-multiarch", "-q", "-nx"};
  if (!options.batch.empty()) argv.emplace_back("-batch");
  const auto command = [&](const std::string& text) {
    argv.emplace_back("-ex");
    argv.push_back(text);
  };
  command("set pagination off");
  command("set confirm off");
  argv.push_back(elf.string());
  command(fmt::format("directory {}", source_folder().string())); // files are named from the top of the tree
  command(fmt::format("source {}", (source_folder() / "qemu/gdb/runnel.py").string()));
  command(fmt::format("target remote {}", socket.string()));
  for (const std::string& text : options.batch) command(text);
  return argv;
}

ExitStatus debug(const Options& options) {
  auto [spec, elf, files] = options.prepare();
  const TempFolder folder;
  const fs::path socket = folder.path() / "gdb";
  spec.extra = {"-S", "-gdb", fmt::format("unix:{},server=on,wait=off", socket.string())};
  const fs::path serial =
      options.serial.empty() ? build_folder() / "debug-serial.log" : fs::path(options.serial);

  int pair[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
    throw Failure(ExitStatus::kInternal, "cannot make a socket pair");
  const UniqueFd ours(pair[0]), theirs(pair[1]);
  Process qemu = Process::spawn(
      {.argv = qemu_command(spec, theirs.get()), .err = Stream::kInherit, .keep_fds = {theirs.get()}});
  std::jthread copier([from = qemu.out().get(), serial] { copy_serial(from, serial); });
  for (int i = 0; i < 500 && !fs::exists(socket) && !qemu.status(); ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(10));

  fmt::print("{}, stopped at its first instruction; serial port in {}\n", describe(spec), serial.string());
  std::fflush(stdout);
  ExitStatus status = ExitStatus::kPassed;
  {
    // Ctrl-C is gdb's.
    const auto old = std::signal(SIGINT, SIG_IGN);
    Process gdb = Process::spawn({.argv = gdb_command(options, elf, socket),
                                  .in = options.batch.empty() ? Stream::kInherit : Stream::kNull,
                                  .out = Stream::kInherit,
                                  .err = Stream::kInherit,
                                  .group = Group::kShared});
    const int ended = gdb.wait();
    std::signal(SIGINT, old);
    if (!WIFEXITED(ended) || WEXITSTATUS(ended) != 0) status = ExitStatus::kFailed;
  }
  qemu.kill(SIGKILL);
  qemu.wait();
  return status;
}

} // namespace

void add_debug_command(CLI::App& app, Action& action) {
  auto options = std::make_shared<Options>();
  CLI::App* sub = app.add_subcommand(
      "debug",
      "Starts a guest under gdb-multiarch, with the commands `runnel ps`, `runnel rq`, `runnel bt-all`");
  options->add_to(*sub);
  sub->add_option("--serial", options->serial, "Where the serial port is written")->type_name("FILE");
  sub->add_option("--batch", options->batch, "Runs this gdb command and ends (may be given several times)")
      ->type_name("COMMAND")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  sub->callback([options, &action] { action = [options] { return debug(*options); }; });
}

} // namespace runnel::qemu
