// SPDX-License-Identifier: Apache-2.0
// One program on one machine, from its files to its end.
#pragma once

#include "qemu/exec/guest_files.hpp"
#include "qemu/guest.hpp"

#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace runnel::qemu {

struct ProgramRunOptions {
  MachineSpec machine;
  fs::path elf;             // of the kernel
  std::string kernel_words; // more of its command line
  bool pass_input = false;  // our standard input becomes the program's
  double silence_seconds = kDefaultSilenceSeconds;
  std::function<void(std::string_view)> output;     // what the program writes, as it comes
  std::function<void(const ProtocolLine&)> on_line; // what the kernel says to the tool; may be empty
  std::function<void(std::string_view)> log;        // whole lines of the kernel's log; may be empty
};

struct ProgramRun {
  GuestRun guest;
  std::optional<ProgramEndLine> ended; // none: it could not run to its end
};

/// Throws Failure(kInterrupted), and what the start of a machine throws.
ProgramRun run_program(const GuestFiles& files, const ProgramRunOptions& options);

/// All the kernel said of its failure, with source lines, for people; empty lines left out.
std::string failure_text(const GuestRun& run, const fs::path& elf);

} // namespace runnel::qemu
