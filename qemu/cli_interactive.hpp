// SPDX-License-Identifier: Apache-2.0
// What the commands share that start one machine for a person to sit at: `boot` and `debug`.
#pragma once

#include "qemu/cli_machine.hpp"
#include "qemu/volume.hpp"

#include <memory>
#include <string>

namespace runnel::qemu {

struct InteractiveOptions {
  MachineOptions machine;
  std::string cmdline, initrd; // empty: the shell's, none

  void add_to(CLI::App& app);

  struct Prepared {
    MachineSpec spec;
    fs::path elf;
    std::unique_ptr<TempFolder> files; // what the machine boots from, as long as this lives
  };
  /// The machine these options describe, ready to start. Throws Failure when an image or the initrd is
  /// missing.
  Prepared prepare() const;
};

} // namespace runnel::qemu
