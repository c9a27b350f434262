// SPDX-License-Identifier: Apache-2.0
#include "qemu/cli_interactive.hpp"

#include <fmt/format.h>

namespace runnel::qemu {

void InteractiveOptions::add_to(CLI::App& app) {
  machine.add_to(app, MachineOptions::Arches::kOne, MachineOptions::Smp::kOne);
  app.add_option("--initrd", initrd, "An initrd")->type_name("FILE");
  app.add_option("--cmdline", cmdline, "The kernel's command line (default: shell)")->type_name("WORDS");
}

InteractiveOptions::Prepared InteractiveOptions::prepare() const {
  const Arch arch = machine.arches.front();
  const u32 cpus = machine.smp.empty() ? 4 : machine.smp.front();
  BootInput input;
  input.elf = machine.kernel.empty() ? image_elf(arch, Image::kTests) : fs::path(machine.kernel);
  input.command_line = cmdline.empty() ? fmt::format("shell seed={}", machine.seed) : cmdline;
  if (!machine.append.empty()) input.command_line += " " + machine.append;
  if (!initrd.empty()) {
    require_file(initrd, "initrd");
    input.initrd = read_file(initrd);
  }
  Prepared prepared{machine.spec(arch, cpus, machine.boot.value_or(BootPath::kDirect)), input.elf, nullptr};
  prepared.files = prepare_boot(prepared.spec, input);
  return prepared;
}

} // namespace runnel::qemu
