// SPDX-License-Identifier: Apache-2.0
// A user program as an ELF file: what machine it is for and what it needs to start.
#pragma once

#include "qemu/arch.hpp"

#include <string>
#include <vector>

namespace runnel::qemu {

struct Program {
  Arch arch = Arch::kX86_64;
  std::string interpreter;         // PT_INTERP; empty: none
  std::vector<std::string> needed; // DT_NEEDED, in the file's order
  std::vector<std::string> search; // DT_RPATH or DT_RUNPATH, split at the colons; may begin with $ORIGIN
};

/// Reads a program or a shared library for `machine`. `name` is for messages. Throws Failure(kUsage): it is
/// no ELF file, is damaged, is for another machine (both are named), or nothing that can be executed or
/// loaded.
Program read_program(const std::string& name, const std::string& bytes, Arch machine);

} // namespace runnel::qemu
