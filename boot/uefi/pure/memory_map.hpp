// SPDX-License-Identifier: Apache-2.0
// Turns the firmware's memory map (many small descriptors, in no order) into the sorted, merged ranges of
// BootInfo, with what the loader itself placed painted over. Pure, tested on the host.
#pragma once

#include "boot/boot_info.hpp"

#include <cstddef>
#include <cstdint>

namespace runnel::uefi {

/// A UEFI memory type as the kernel sees it once boot services have ended (UEFI 2.10, tables 7.5 and 7.6).
/// Types it does not know are reserved.
boot::MemoryKind kind_of_efi_type(std::uint32_t type);

/// Collects ranges, then writes them out. About 40 KiB: keep it in static storage.
class MemoryMap {
 public:
  static constexpr std::size_t kCapacity = 512;

  void clear() { count_ = 0; }
  /// A range as the firmware reports it. Empty ranges are dropped. False: full, or the end does not fit 64
  /// bits.
  bool add(std::uint64_t base, std::uint64_t bytes, boot::MemoryKind kind);
  /// A range the loader used; wins over every add().
  bool paint(std::uint64_t base, std::uint64_t bytes, boot::MemoryKind kind);

  /// Writes sorted ranges that neither touch with the same kind nor overlap; where firmware ranges overlap,
  /// the more careful kind wins (firmware, reserved, ACPI, usable). Returns their number, or 0 when
  /// `capacity` is too small.
  std::uint32_t write(boot::MemoryRange* out, std::uint32_t capacity);

 private:
  struct Entry {
    std::uint64_t base;
    std::uint64_t end;
    std::uint32_t rank; // the higher one wins
    boot::MemoryKind kind;
  };
  bool push(std::uint64_t base, std::uint64_t bytes, std::uint32_t rank, boot::MemoryKind kind);
  std::size_t sorted_boundaries();
  const Entry* winner_at(std::uint64_t address) const;

  Entry entries_[kCapacity] = {};
  std::uint64_t boundaries_[2 * kCapacity] = {};
  std::size_t count_ = 0;
};

} // namespace runnel::uefi
