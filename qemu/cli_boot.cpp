// SPDX-License-Identifier: Apache-2.0
// runnel boot: the kernel's shell on this terminal.
#include "qemu/cli.hpp"
#include "qemu/cli_interactive.hpp"
#include "qemu/console.hpp"

#include <cstdio>
#include <fmt/format.h>
#include <memory>
#include <unistd.h>

namespace runnel::qemu {
namespace {

ExitStatus boot(const InteractiveOptions& options) {
  auto [spec, elf, files] = options.prepare();
  spec.on_reset = OnReset::kReset;
  if (::isatty(STDIN_FILENO) == 1) {
    fmt::print("{}; Ctrl-A x quits, Ctrl-A h helps\n", describe(spec));
    std::fflush(stdout);
  }
  const GuestRun run = run_console(spec);
  if (!run.qemu_messages.empty()) fmt::print(stderr, "{}", run.qemu_messages);
  if (run.end != RunEnd::kSaid && !run.reason.empty()) fmt::print(stderr, "runnel: {}\n", run.reason);
  return status_of(run);
}

} // namespace

void add_boot_command(CLI::App& app, Action& action) {
  auto options = std::make_shared<InteractiveOptions>();
  CLI::App* sub =
      app.add_subcommand("boot", "Boots into the kernel's shell on this terminal (Ctrl-A x quits)");
  options->add_to(*sub);
  sub->callback([options, &action] { action = [options] { return boot(*options); }; });
}

} // namespace runnel::qemu
