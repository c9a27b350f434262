// SPDX-License-Identifier: Apache-2.0
// The UEFI loader: reads \runnel\kernel.elf, \runnel\initrd.cpio and \runnel\cmdline.txt from the volume it
// was started from, and becomes the kernel. docs/booting.md tells the story.
#include "boot/boot_info.hpp"
#include "boot/uefi/console.hpp"
#include "boot/uefi/efi.hpp"
#include "boot/uefi/handoff.hpp"
#include "boot/uefi/kernel_image.hpp"
#include "boot/uefi/machine.hpp"
#include "boot/uefi/pure/command_line.hpp"
#include "boot/uefi/tables.hpp"
#include "boot/uefi/volume.hpp"

namespace runnel::uefi {

Firmware firmware;

namespace {

constexpr std::uint64_t kMaxInitrdBytes = std::uint64_t{1} << 30;

boot::BootInfo& new_boot_info() {
  const std::uint64_t at = allocate(sizeof(boot::BootInfo), EfiLoaderData, "boot information");
  __builtin_memset(reinterpret_cast<void*>(at), 0, sizeof(boot::BootInfo));
  auto& info = *reinterpret_cast<boot::BootInfo*>(at);
  info.magic = boot::kBootInfoMagic;
  info.source = boot::Source::kUefi;
  return info;
}

void read_command_line(Volume& volume, boot::BootInfo& info) {
  constexpr const char* kName = "\\runnel\\cmdline.txt";
  static char text[2 * boot::kMaxCommandLine];
  File file = volume.open(u"\\runnel\\cmdline.txt", kName);
  if (!file.exists()) fail(Line() << "command line: " << kName << ": not found");
  // Longer than the buffer is longer than allowed: what fits is enough to say so.
  const std::uint64_t bytes = file.bytes() < sizeof text ? file.bytes() : sizeof text;
  file.read(0, bytes, reinterpret_cast<std::uint64_t>(text));
  if (const char* error = take_command_line(text, bytes, info.command_line, sizeof info.command_line))
    fail(Line() << "command line: " << kName << ": " << error);
}

void read_initrd(Volume& volume, boot::BootInfo& info) {
  constexpr const char* kName = "\\runnel\\initrd.cpio";
  File file = volume.open(u"\\runnel\\initrd.cpio", kName);
  if (!file.exists()) return;
  if (file.bytes() == 0) fail(Line() << "initrd: " << kName << ": is empty");
  if (file.bytes() > kMaxInitrdBytes) fail(Line() << "initrd: " << kName << ": larger than 1 GiB");
  info.initrd_size = file.bytes();
  info.initrd_base = allocate(file.bytes(), EfiLoaderData, "initrd");
  file.read(0, file.bytes(), info.initrd_base);
}

KernelImage read_kernel(Volume& volume, boot::BootInfo& info) {
  constexpr const char* kName = "\\runnel\\kernel.elf";
  File file = volume.open(u"\\runnel\\kernel.elf", kName);
  if (!file.exists()) fail(Line() << "kernel: " << kName << ": not found");
  const KernelImage image = load_kernel(file, kName);
  info.kernel_phys_base = image.base;
  info.kernel_phys_end = image.base + image.bytes;
  return image;
}

[[noreturn]] void boot_kernel() {
  boot::BootInfo& info = new_boot_info();
  KernelImage image;
  {
    Volume volume;
    read_command_line(volume, info);
    image = read_kernel(volume, info);
    read_initrd(volume, info);
  }
  const Tables tables = find_tables();
  info.acpi_rsdp = tables.acpi_rsdp;
  info.device_tree = tables.device_tree;
  end_boot_services(info, tables);
  publish(reinterpret_cast<std::uint64_t>(&info), sizeof info);
  enter_kernel(image.entry, &info);
}

} // namespace
} // namespace runnel::uefi

extern "C" EFI_STATUS efi_main(EFI_HANDLE image, EFI_SYSTEM_TABLE* system) {
  using namespace runnel::uefi;
  firmware = {.image = image, .system = system, .services = system->BootServices, .services_ended = false};
  print(Line() << "uefi loader " << kMachineName);
  boot_kernel();
}
