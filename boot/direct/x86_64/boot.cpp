// SPDX-License-Identifier: Apache-2.0
// From the first C++ instruction to kernel_main: BootInfo out of Xen's hvm_start_info (PVH) or copied from
// the UEFI loader. Runs at the linked address on the early page tables, interrupts off.
#include "boot/boot_info.hpp"
#include "boot/direct/memory_list.hpp"
#include "kernel/lib/types.hpp"

extern "C" {
[[noreturn]] void kernel_main(const runnel::boot::BootInfo& info);
[[noreturn]] void boot_die(const char* text); // entry.S
extern const char __image_start[], __image_end[];
}

namespace runnel::boot {
namespace {

constexpr u64 kDirectMap = 0xffff'8000'0000'0000; // as entry.S makes it, low 512 GiB
constexpr u64 kDirectMapSize = u64{512} << 30;
constexpr u64 kImageBase = 0xffff'ffff'8000'0000;

// Packed: the firmware aligns what it hands over to 4 bytes at most (seen with qboot).

/// Xen's public interface, arch-x86/hvm/start_info.h, version 1.
struct [[gnu::packed]] StartInfo {
  u32 magic;
  u32 version;
  u32 flags;
  u32 nr_modules;
  u64 modules;
  u64 command_line;
  u64 rsdp;
  u64 memory_map;
  u32 memory_map_entries;
  u32 reserved;
};
constexpr u32 kStartInfoMagic = 0x336ec578;

struct [[gnu::packed]] Module {
  u64 base, size, command_line, reserved;
};

/// An entry of the E820 map.
struct [[gnu::packed]] MapEntry {
  u64 base, size;
  u32 type;
  u32 reserved;
};
constexpr u32 kE820Ram = 1;
constexpr u32 kE820Acpi = 3;

constinit BootInfo boot_info;
constinit MemoryList memory;

template <typename T> const T* at(u64 phys) {
  if (phys == 0 || phys >= kDirectMapSize)
    boot_die("runnel: error the boot loader's data lie beyond 512 GiB\n"
             "runnel: end boot-failed\n");
  return reinterpret_cast<const T*>(kDirectMap + phys);
}

void copy_command_line(const char* from) {
  for (u32 i = 0; i < kMaxCommandLine; ++i) {
    boot_info.command_line[i] = from[i];
    if (from[i] == 0) return;
  }
  boot_die("runnel: error the command line is longer than 2047 bytes\nrunnel: end boot-failed\n");
}

void paint_memory(const StartInfo& start) {
  if (start.version < 1 || start.memory_map_entries == 0)
    boot_die("runnel: error the boot loader gives no memory map\nrunnel: end boot-failed\n");
  const auto* map = at<MapEntry>(start.memory_map);
  for (u32 i = 0; i < start.memory_map_entries; ++i)
    if (map[i].type == kE820Ram) memory.set(map[i].base, map[i].size, MemoryKind::kUsable);
  // ACPI's tables may lie in ranges of their own or inside reserved ones; either way they are not RAM to give
  // out.
  for (u32 i = 0; i < start.memory_map_entries; ++i)
    if (map[i].type != kE820Ram)
      memory.set(map[i].base, map[i].size,
                 map[i].type == kE820Acpi ? MemoryKind::kAcpi : MemoryKind::kReserved);
  memory.set(0, kPageSize, MemoryKind::kReserved); // real-mode vectors and the BIOS data area
}

void finish_memory() {
  memory.set(boot_info.initrd_base, boot_info.initrd_size, MemoryKind::kBootData);
  memory.set(boot_info.kernel_phys_base, boot_info.kernel_phys_end - boot_info.kernel_phys_base,
             MemoryKind::kKernel);
  if (!memory.copy_to(boot_info))
    boot_die("runnel: error the memory map has more than 128 ranges\nrunnel: end boot-failed\n");
}

} // namespace
} // namespace runnel::boot

extern "C" [[noreturn]] void runnel_pvh_main(runnel::u64 start_info) {
  using namespace runnel;
  using namespace runnel::boot;
  const auto& start = *at<StartInfo>(start_info);
  if (start.magic != kStartInfoMagic)
    boot_die("runnel: error not started by a PVH loader (bad magic)\nrunnel: end boot-failed\n");
  boot_info.source = Source::kPvh;
  boot_info.kernel_phys_base = reinterpret_cast<u64>(__image_start) - kImageBase;
  boot_info.kernel_phys_end = reinterpret_cast<u64>(__image_end) - kImageBase;
  boot_info.acpi_rsdp = start.rsdp;
  if (start.nr_modules > 0) {
    const auto* module = at<Module>(start.modules);
    boot_info.initrd_base = module->base;
    boot_info.initrd_size = module->size;
  }
  if (start.command_line != 0) copy_command_line(at<char>(start.command_line));
  paint_memory(start);
  finish_memory();
  kernel_main(boot_info);
}

extern "C" [[noreturn]] void runnel_uefi_main(runnel::u64 info) {
  using namespace runnel;
  using namespace runnel::boot;
  const auto& given = *at<BootInfo>(info);
  if (given.magic != kBootInfoMagic)
    boot_die("runnel: error not started by this kernel's UEFI loader (bad magic)\nrunnel: end boot-failed\n");
  boot_info = given;
  kernel_main(boot_info);
}
