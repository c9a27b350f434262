// SPDX-License-Identifier: Apache-2.0
// The file system a program finds when `runnel exec` starts it: the program, what the dynamic linker will
// look for, the files asked for, and its arguments; as members of the initial ram disk.
#pragma once

#include "qemu/files.hpp"
#include "qemu/scenario/initrd.hpp"

#include <string>
#include <vector>

namespace runnel::qemu {

struct GuestFilesInput {
  Arch arch = Arch::kX86_64;
  fs::path program;
  std::vector<std::string> arguments;   // without the program's name
  std::vector<std::string> environment; // K=V
  std::vector<std::string> files;       // HOST:GUEST, or HOST alone for the same path
  std::vector<std::string> programs;    // others it may start: into /bin, with their libraries
  std::vector<fs::path> sysroots;       // where libraries are looked for; empty: this host's for `arch`
};

struct GuestFiles {
  std::string program; // its path in the guest
  std::vector<scenario::InitrdFile> members;
};

/// Throws Failure(kUsage) for a program, file, or environment word that is none, and Failure(kMissing) naming
/// an interpreter or library that is nowhere, who needs it and where it was looked for.
GuestFiles collect_guest_files(const GuestFilesInput& input);

} // namespace runnel::qemu
