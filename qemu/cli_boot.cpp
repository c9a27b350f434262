// SPDX-License-Identifier: Apache-2.0
// runnel boot: the kernel's shell on this terminal.
#include "qemu/cli.hpp"
#include "qemu/cli_machine.hpp"
#include "qemu/console.hpp"
#include "qemu/files.hpp"
#include "qemu/volume.hpp"

#include <cstdio>
#include <fmt/format.h>
#include <memory>
#include <unistd.h>

namespace runnel::qemu {
namespace {

struct Options {
  MachineOptions machine;
  std::string initrd, cmdline;
};

ExitStatus boot(const Options& options) {
  const Arch arch = options.machine.arches.front();
  const u32 cpus = options.machine.smp.empty() ? 4 : options.machine.smp.front();
  MachineSpec spec = options.machine.spec(arch, cpus, options.machine.boot.value_or(BootPath::kDirect));
  spec.on_reset = OnReset::kReset;
  BootInput input;
  input.elf =
      options.machine.kernel.empty() ? image_elf(arch, Image::kTests) : fs::path(options.machine.kernel);
  input.command_line =
      options.cmdline.empty() ? fmt::format("shell seed={}", options.machine.seed) : options.cmdline;
  if (!options.machine.append.empty()) input.command_line += " " + options.machine.append;
  if (!options.initrd.empty()) {
    require_file(options.initrd, "initrd");
    input.initrd = read_file(options.initrd);
  }
  const auto files = prepare_boot(spec, input);
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
  auto options = std::make_shared<Options>();
  CLI::App* sub =
      app.add_subcommand("boot", "Boots into the kernel's shell on this terminal (Ctrl-A x quits)");
  options->machine.add_to(*sub, MachineOptions::Arches::kOne, MachineOptions::Smp::kOne);
  sub->add_option("--initrd", options->initrd, "An initrd")->type_name("FILE");
  sub->add_option("--cmdline", options->cmdline, "The kernel's command line, instead of the shell's")
      ->type_name("WORDS");
  sub->callback([options, &action] { action = [options] { return boot(*options); }; });
}

} // namespace runnel::qemu
