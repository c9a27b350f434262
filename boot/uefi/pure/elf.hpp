// SPDX-License-Identifier: Apache-2.0
// Reads the headers of a kernel ELF and refuses what cannot be loaded. Pure: bytes in, plan or complaint out;
// tested and fuzzed on the host. Source: System V ABI (gABI 4.1), chapters 4 and 5.
#pragma once

#include <cstddef>
#include <cstdint>

namespace runnel::uefi {

/// e_machine of the architectures we load.
enum class Machine : std::uint16_t { kX86_64 = 62, kAarch64 = 183 };

inline constexpr std::uint32_t kMaxSegments = 16;
/// The ELF header and all program headers must lie in this much of the file's beginning.
inline constexpr std::size_t kElfHeadBytes = 4096;
/// Largest image that is believed: more than this is a damaged header.
inline constexpr std::uint64_t kMaxImageBytes = std::uint64_t{64} << 20;
inline constexpr std::uint64_t kElfPage = 4096;

/// One PT_LOAD. `image_offset` counts from the image's first byte (the lowest p_paddr). Bytes from file_bytes
/// up to memory_bytes are zero.
struct Segment {
  std::uint64_t file_offset = 0;
  std::uint64_t file_bytes = 0;
  std::uint64_t image_offset = 0;
  std::uint64_t memory_bytes = 0;
  bool writable = false;
  bool executable = false;
};

/// What to load and where to jump.
struct ElfPlan {
  std::uint64_t link_base = 0;    // lowest p_paddr, a multiple of 2 MiB
  std::uint64_t image_bytes = 0;  // whole pages
  std::uint64_t entry_offset = 0; // from the image's first byte
  std::uint32_t segment_count = 0;
  Segment segments[kMaxSegments] = {};
};

/// Fills `plan` from `head` (the file's first `head_bytes`, at least min(file_bytes, kElfHeadBytes)). Returns
/// nullptr, or what is wrong with the file, in words that follow "kernel: "; `plan` is then of no use.
/// Accepted: ELF64, little-endian, ET_EXEC, of `machine`; PT_LOADs inside the file, page-aligned, not
/// overlapping, none both writable and executable; e_entry (a physical address) in an executable one.
const char* plan_elf(const std::uint8_t* head, std::size_t head_bytes, std::uint64_t file_bytes,
                     Machine machine, ElfPlan& plan);

} // namespace runnel::uefi
