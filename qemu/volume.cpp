// SPDX-License-Identifier: Apache-2.0
#include "qemu/volume.hpp"

namespace runnel::qemu {

std::unique_ptr<TempFolder> prepare_boot(MachineSpec& spec, const BootInput& input) {
  require_file(input.elf, "kernel image");
  std::unique_ptr<TempFolder> folder;
  if (spec.boot == BootPath::kDirect) {
    spec.kernel = bootable_of(spec.arch, input.elf);
    require_file(spec.kernel, "kernel image");
    spec.command_line = input.command_line;
    if (input.initrd) {
      folder = std::make_unique<TempFolder>();
      spec.initrd = folder->path() / "initrd.cpio";
      write_file(spec.initrd, *input.initrd);
    }
    return folder;
  }
  spec.firmware = firmware_file(spec.arch);
  const fs::path loader = loader_file(spec.arch);
  require_file(loader, "UEFI loader");
  folder = std::make_unique<TempFolder>();
  spec.volume = folder->path();
  fs::create_directories(spec.volume / "EFI/BOOT");
  fs::create_directories(spec.volume / "runnel");
  // QEMU's FAT driver follows links, so nothing large is copied.
  fs::create_symlink(fs::absolute(loader), spec.volume / "EFI/BOOT" / loader.filename());
  fs::create_symlink(fs::absolute(input.elf), spec.volume / "runnel/kernel.elf");
  write_file(spec.volume / "runnel/cmdline.txt", input.command_line + "\n");
  if (input.initrd) write_file(spec.volume / "runnel/initrd.cpio", *input.initrd);
  return folder;
}

} // namespace runnel::qemu
