// SPDX-License-Identifier: Apache-2.0
// The map as a sweep over all boundaries: between two neighbouring ones exactly one entry wins. Quadratic,
// over the hundred descriptors a firmware has.
#include "boot/uefi/pure/memory_map.hpp"

namespace runnel::uefi {
namespace {

using boot::MemoryKind;

constexpr std::uint32_t kPainted = 100;

constexpr std::uint32_t rank_of(MemoryKind kind) {
  switch (kind) {
  case MemoryKind::kUsable:
    return 0;
  case MemoryKind::kAcpi:
    return 1;
  case MemoryKind::kReserved:
    return 2;
  case MemoryKind::kFirmware:
    return 3;
  case MemoryKind::kBootData:
    return 4;
  case MemoryKind::kKernel:
    return 5;
  }
  return 2;
}

void sort(std::uint64_t* values, std::size_t count) {
  for (std::size_t i = 1; i < count; ++i) {
    const std::uint64_t value = values[i];
    std::size_t j = i;
    for (; j != 0 && values[j - 1] > value; --j) values[j] = values[j - 1];
    values[j] = value;
  }
}

} // namespace

MemoryKind kind_of_efi_type(std::uint32_t type) {
  switch (type) {
  case 1: // EfiLoaderCode; the loader paints over what is to stay
  case 2: // EfiLoaderData
  case 3: // EfiBootServicesCode
  case 4: // EfiBootServicesData
  case 7: // EfiConventionalMemory
    return MemoryKind::kUsable;
  case 5:  // EfiRuntimeServicesCode
  case 6:  // EfiRuntimeServicesData
  case 10: // EfiACPIMemoryNVS
    return MemoryKind::kFirmware;
  case 9: // EfiACPIReclaimMemory
    return MemoryKind::kAcpi;
  default:
    return MemoryKind::kReserved;
  }
}

bool MemoryMap::push(std::uint64_t base, std::uint64_t bytes, std::uint32_t rank, MemoryKind kind) {
  if (bytes == 0) return true;
  if (count_ == kCapacity || bytes > ~base) return false;
  entries_[count_++] = {base, base + bytes, rank, kind};
  return true;
}

bool MemoryMap::add(std::uint64_t base, std::uint64_t bytes, MemoryKind kind) {
  return push(base, bytes, rank_of(kind), kind);
}

bool MemoryMap::paint(std::uint64_t base, std::uint64_t bytes, MemoryKind kind) {
  return push(base, bytes, kPainted + rank_of(kind), kind);
}

std::size_t MemoryMap::sorted_boundaries() {
  for (std::size_t i = 0; i < count_; ++i) {
    boundaries_[2 * i] = entries_[i].base;
    boundaries_[2 * i + 1] = entries_[i].end;
  }
  sort(boundaries_, 2 * count_);
  return 2 * count_;
}

const MemoryMap::Entry* MemoryMap::winner_at(std::uint64_t address) const {
  const Entry* best = nullptr;
  for (std::size_t i = 0; i < count_; ++i) {
    const Entry& entry = entries_[i];
    if (address < entry.base || address >= entry.end) continue;
    if (best == nullptr || entry.rank > best->rank) best = &entry;
  }
  return best;
}

std::uint32_t MemoryMap::write(boot::MemoryRange* out, std::uint32_t capacity) {
  const std::size_t boundaries = sorted_boundaries();
  std::uint32_t written = 0;
  for (std::size_t i = 0; i + 1 < boundaries; ++i) {
    const std::uint64_t base = boundaries_[i];
    const std::uint64_t end = boundaries_[i + 1];
    if (base == end) continue;
    const Entry* entry = winner_at(base);
    if (entry == nullptr) continue;
    if (written != 0) {
      boot::MemoryRange& last = out[written - 1];
      if (last.kind == entry->kind && last.base + last.size == base) {
        last.size += end - base;
        continue;
      }
    }
    if (written == capacity) return 0;
    out[written++] = {.base = base, .size = end - base, .kind = entry->kind, .pad = 0};
  }
  return written;
}

} // namespace runnel::uefi
