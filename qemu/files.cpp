// SPDX-License-Identifier: Apache-2.0
#include "qemu/files.hpp"

#include "qemu/exit_status.hpp"

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fmt/format.h>
#include <fstream>
#include <iterator>
#include <span>

namespace runnel::qemu {

std::string read_file(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::string content{std::istreambuf_iterator<char>(in), {}};
  if (!in.good() && !in.eof())
    throw Failure(ExitStatus::kInternal,
                  fmt::format("cannot read {}: {}", path.string(), std::strerror(errno)));
  return content;
}

void write_file(const fs::path& path, std::string_view content) {
  std::ofstream out(path, std::ios::binary | std::ios::trunc);
  out.write(content.data(), static_cast<std::streamsize>(content.size())).flush();
  if (!out)
    throw Failure(ExitStatus::kInternal,
                  fmt::format("cannot write {}: {}", path.string(), std::strerror(errno)));
}

TempFolder::TempFolder() {
  std::string name = (fs::temp_directory_path() / "runnel.XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr)
    throw Failure(ExitStatus::kInternal, fmt::format("cannot make {}: {}", name, std::strerror(errno)));
  path_ = name;
}

TempFolder::~TempFolder() {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

fs::path build_folder() {
  if (const char* other = std::getenv("RUNNEL_BUILD_DIR")) return other;
  return fs::canonical("/proc/self/exe").parent_path().parent_path();
}

fs::path source_folder() { return RUNNEL_SOURCE_FOLDER; }

fs::path image_elf(Arch arch, Image image) {
  return build_folder() /
         fmt::format("runnel-{}{}.elf", image == Image::kTests ? "test-" : "", to_string(arch));
}

fs::path user_initrd(Arch arch) { return build_folder() / fmt::format("user-{}.cpio", to_string(arch)); }

fs::path bootable_of(Arch arch, const fs::path& elf) {
  if (arch == Arch::kX86_64 || elf.extension() != ".elf") return elf;
  return fs::path(elf).replace_extension(".img");
}

fs::path loader_file(Arch arch) {
  return build_folder() / "boot/uefi" / (arch == Arch::kX86_64 ? "BOOTX64.EFI" : "BOOTAA64.EFI");
}

fs::path firmware_file(Arch arch) {
  static constexpr const char* kX86[] = {"/usr/share/ovmf/OVMF.fd", "/usr/share/qemu/OVMF.fd"};
  static constexpr const char* kArm[] = {"/usr/share/AAVMF/AAVMF_CODE.fd",
                                         "/usr/share/qemu-efi-aarch64/QEMU_EFI.fd"};
  const bool x86 = arch == Arch::kX86_64;
  for (const char* path : x86 ? std::span<const char* const>(kX86) : std::span<const char* const>(kArm))
    if (fs::exists(path)) return path;
  throw Failure(ExitStatus::kMissing,
                fmt::format("no UEFI firmware for {}: {} is not there (package {})", to_string(arch),
                            x86 ? kX86[0] : kArm[0], x86 ? "ovmf" : "qemu-efi-aarch64"));
}

void require_file(const fs::path& path, std::string_view what) {
  std::error_code error;
  const bool regular = fs::is_regular_file(path, error);
  if (!error && !regular) error = std::make_error_code(std::errc::no_such_file_or_directory);
  if (!error && std::ifstream(path).fail()) error = std::make_error_code(std::errc::permission_denied);
  if (error)
    throw Failure(ExitStatus::kBootFailed, fmt::format("{} {}: {}", what, path.string(), error.message()));
}

} // namespace runnel::qemu
