// SPDX-License-Identifier: Apache-2.0
// Files, temporary folders, and where the build tree keeps its products.
#pragma once

#include "qemu/arch.hpp"

#include <filesystem>
#include <string>
#include <string_view>

namespace runnel::qemu {

namespace fs = std::filesystem;

/// Throw Failure(kInternal) naming the file.
std::string read_file(const fs::path& path);
void write_file(const fs::path& path, std::string_view content);

/// A folder in the temporary directory ($TMPDIR), removed with all it holds.
class TempFolder {
 public:
  TempFolder();
  ~TempFolder();
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;
  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

enum class Image { kKernel, kTests };

/// Products by name, in the build directory this program lies in (or RUNNEL_BUILD_DIR). Existence is not
/// checked.
fs::path build_folder();
fs::path source_folder();
fs::path image_elf(Arch arch, Image image);
/// What QEMU's -kernel takes: the ELF on x86_64, the flat Image beside it on aarch64.
fs::path bootable_of(Arch arch, const fs::path& elf);
fs::path loader_file(Arch arch);
/// All programs of tests/user, and what dynamic ones need.
fs::path user_initrd(Arch arch);
/// The first firmware file of this architecture that the host has. Throws Failure(kMissing) naming the
/// package.
fs::path firmware_file(Arch arch);

/// Throws Failure(kBootFailed) unless `path` is a file that can be read; `what` says what it was to be.
void require_file(const fs::path& path, std::string_view what);

} // namespace runnel::qemu
