// SPDX-License-Identifier: Apache-2.0
// What a guest boots from: image, initrd and command line, laid out for either boot path.
#pragma once

#include "qemu/files.hpp"
#include "qemu/machine.hpp"

#include <memory>
#include <optional>
#include <string>

namespace runnel::qemu {

struct BootInput {
  fs::path elf;
  std::string command_line;
  std::optional<std::string> initrd; // its bytes
};

/// Completes `spec` (arch and boot are set) so that it boots `input`. The files that takes live as long as
/// the returned folder. Throws Failure(kBootFailed) when the image is missing, kMissing without firmware.
std::unique_ptr<TempFolder> prepare_boot(MachineSpec& spec, const BootInput& input);

} // namespace runnel::qemu
