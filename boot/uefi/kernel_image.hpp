// SPDX-License-Identifier: Apache-2.0
// Placing the kernel in memory.
#pragma once

#include "boot/uefi/pure/elf.hpp"
#include "boot/uefi/volume.hpp"

#include <cstdint>

namespace runnel::uefi {

struct KernelImage {
  std::uint64_t base = 0;  // physical, a multiple of 2 MiB
  std::uint64_t bytes = 0; // whole pages
  std::uint64_t entry = 0; // physical
};

/// Allocates `bytes` of memory that stays after boot services, below 4 GiB if possible; fail() names `what`.
std::uint64_t allocate(std::uint64_t bytes, EFI_MEMORY_TYPE type, const char* what);

/// Reads the kernel's segments to one new range and gives each its own permissions. fail() on everything a
/// file can have wrong with it.
KernelImage load_kernel(File& file, const char* name);

} // namespace runnel::uefi
