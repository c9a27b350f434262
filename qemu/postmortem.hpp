// SPDX-License-Identifier: Apache-2.0
// What can be learned from a guest that no longer speaks: through QMP, without its help.
#pragma once

#include "qemu/qmp.hpp"

#include <filesystem>
#include <string>

namespace runnel::qemu {

struct PostmortemOptions {
  std::filesystem::path elf;    // for symbols
  std::filesystem::path folder; // where memory is saved; empty: it is not
};

/// Stops the machine, saves its memory as an ELF core file, and describes each CPU: registers and stack, with
/// symbols and source lines. Text for people, several lines; says so when QEMU does not answer.
std::string examine_guest(Qmp& qmp, const PostmortemOptions& options);

/// Makes the zero pages of a file into holes; a core file of an idle machine is nearly all zeros.
void dig_holes(const std::filesystem::path& file);

} // namespace runnel::qemu
