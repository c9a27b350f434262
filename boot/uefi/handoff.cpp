// SPDX-License-Identifier: Apache-2.0
// ExitBootServices wants the key of the newest memory map, and its own call-backs may change that map: so it
// is asked again until both agree (UEFI 2.10, 7.4.6). From the first try on only GetMemoryMap is allowed,
// hence the buffer with room to spare and the trial run before.
#include "boot/uefi/handoff.hpp"

#include "boot/uefi/console.hpp"
#include "boot/uefi/pure/memory_map.hpp"

namespace runnel::uefi {
namespace {

constexpr unsigned kTries = 8;
constexpr UINTN kMapBytes = 64 * 1024;
constexpr std::uint64_t kPage = 4096;

alignas(16) UINT8 raw_map[kMapBytes];
MemoryMap memory_map;

struct RawMap {
  UINTN bytes = kMapBytes;
  UINTN key = 0;
  UINTN stride = 0; // may be larger than the structure
};

RawMap get_raw_map() {
  RawMap raw;
  UINT32 version = 0;
  auto* buffer = reinterpret_cast<EFI_MEMORY_DESCRIPTOR*>(raw_map);
  const EFI_STATUS status =
      firmware.services->GetMemoryMap(&raw.bytes, buffer, &raw.key, &raw.stride, &version);
  if (EFI_ERROR(status)) fail(Line() << "the firmware's memory map: " << Status{status});
  return raw;
}

bool paint_pages(std::uint64_t base, std::uint64_t bytes, boot::MemoryKind kind) {
  if (bytes == 0) return true;
  const std::uint64_t first = base & ~(kPage - 1);
  const std::uint64_t end = (base + bytes + kPage - 1) & ~(kPage - 1);
  return memory_map.paint(first, end - first, kind);
}

void convert(const RawMap& raw, boot::BootInfo& info, const Tables& tables) {
  using boot::MemoryKind;
  memory_map.clear();
  bool fits = true;
  for (UINTN at = 0; at + sizeof(EFI_MEMORY_DESCRIPTOR) <= raw.bytes; at += raw.stride) {
    const auto* descriptor = reinterpret_cast<const EFI_MEMORY_DESCRIPTOR*>(raw_map + at);
    fits &= memory_map.add(descriptor->PhysicalStart, descriptor->NumberOfPages * kPage,
                           kind_of_efi_type(descriptor->Type));
  }
  fits &=
      paint_pages(info.kernel_phys_base, info.kernel_phys_end - info.kernel_phys_base, MemoryKind::kKernel);
  fits &= paint_pages(reinterpret_cast<std::uint64_t>(&info), sizeof info, MemoryKind::kBootData);
  fits &= paint_pages(info.initrd_base, info.initrd_size, MemoryKind::kBootData);
  fits &= paint_pages(tables.device_tree, tables.device_tree_bytes, MemoryKind::kBootData);
  if (!fits) fail(Line() << "the firmware's memory map has too many or impossible ranges");
  info.memory_range_count = memory_map.write(info.memory, boot::kMaxMemoryRanges);
  if (info.memory_range_count == 0) fail(Line() << "the memory map needs more ranges than BootInfo holds");
}

} // namespace

void end_boot_services(boot::BootInfo& info, const Tables& tables) {
  convert(get_raw_map(), info, tables); // trial: what cannot work is said while the console still does
  for (unsigned i = 0; i < kTries; ++i) {
    const RawMap raw = get_raw_map();
    firmware.services_ended = true;
    if (!EFI_ERROR(firmware.services->ExitBootServices(firmware.image, raw.key))) {
      convert(raw, info, tables);
      return;
    }
  }
  fail(Line() << "the firmware does not end boot services");
}

} // namespace runnel::uefi
