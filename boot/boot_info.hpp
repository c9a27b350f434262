// SPDX-License-Identifier: Apache-2.0
// What a boot path tells the kernel: the only thing boot/ and the kernel share. Plain data, fixed layout, all
// addresses physical; the boot path leaves it (and what it points to) in memory it reports as kBootData.
#pragma once

#include <cstdint>

namespace runnel::boot {

inline constexpr std::uint64_t kBootInfoMagic = 0x4f464e49'4c4e5552; // "RUNLINFO"
inline constexpr std::uint32_t kMaxMemoryRanges = 128;
inline constexpr std::uint32_t kMaxCommandLine = 2048;

enum class MemoryKind : std::uint32_t {
  kUsable = 1,   // free for the kernel
  kReserved = 2, // never touched
  kAcpi = 3,     // tables; readable, may be reclaimed (it is not)
  kFirmware = 4, // UEFI runtime services; never touched
  kBootData = 5, // BootInfo, command line, initrd, device tree: kept
  kKernel = 6,   // the loaded image
};

struct MemoryRange {
  std::uint64_t base = 0;
  std::uint64_t size = 0; // bytes
  MemoryKind kind = MemoryKind::kReserved;
  std::uint32_t pad = 0;
};

enum class Source : std::uint32_t { kPvh = 1, kArm64Image = 2, kUefi = 3 };

struct BootInfo {
  std::uint64_t magic = kBootInfoMagic;
  Source source{};
  std::uint32_t memory_range_count = 0;
  std::uint64_t kernel_phys_base = 0; // where the image's first byte lies
  std::uint64_t kernel_phys_end = 0;
  std::uint64_t initrd_base = 0; // 0 size: none
  std::uint64_t initrd_size = 0;
  std::uint64_t acpi_rsdp = 0;   // 0: none
  std::uint64_t device_tree = 0; // 0: none
  MemoryRange memory[kMaxMemoryRanges] = {};
  char command_line[kMaxCommandLine] = {}; // NUL-terminated
};

/// What the kernel writes, before the line end, where it breaks a line that somebody else has begun: the host
/// can put it together again. Terminals show nothing.
inline constexpr char kLineCut = '\x1f';

/// In what the host sends for a program to read: kInputEscape kInputEnd is the end of the file, twice
/// kInputEscape the byte itself.
inline constexpr char kInputEscape = '\x10';
inline constexpr char kInputEnd = 'E';

/// How a guest ends. x86_64 writes it to isa-debug-exit (QEMU then exits with 2*code+1), aarch64 hands it to
/// semihosting (QEMU exits with the code). None collides with QEMU's own 0 and 1.
enum class ExitCode : std::uint32_t {
  kPassed = 0x10,
  kFailed = 0x11,         // a test or an expectation failed
  kPanic = 0x12,          // panic or unexpected exception
  kHang = 0x13,           // guest-time limit, or a CPU that stopped taking interrupts
  kBadCommandLine = 0x14, // unknown option, bad value, no test matches
  kBootFailed = 0x15,     // loader or early boot: kernel, initrd or command line missing or damaged
  kInternal = 0x16,
};

} // namespace runnel::boot
