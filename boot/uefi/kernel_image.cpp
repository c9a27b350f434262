// SPDX-License-Identifier: Apache-2.0
// Places the kernel: only the headers and what the segments hold is read, not the debug information behind
// them.
#include "boot/uefi/kernel_image.hpp"

#include "boot/uefi/console.hpp"
#include "boot/uefi/machine.hpp"
#include "boot/uefi/protect.hpp"

namespace runnel::uefi {
namespace {

constexpr std::uint64_t kLargePage = std::uint64_t{2} << 20;

constexpr std::uint64_t pages(std::uint64_t bytes) { return (bytes + kElfPage - 1) / kElfPage; }

EFI_STATUS allocate_pages(std::uint64_t count, EFI_MEMORY_TYPE type, EFI_PHYSICAL_ADDRESS& base) {
  base = 0xffff'ffff;
  const EFI_STATUS status = firmware.services->AllocatePages(AllocateMaxAddress, type, count, &base);
  if (!EFI_ERROR(status)) return status;
  return firmware.services->AllocatePages(AllocateAnyPages, type, count, &base);
}

/// 2 MiB aligned: asks for more and gives back what lies before and behind. Code, because firmware that
/// forbids execution does so by memory type.
std::uint64_t allocate_aligned(std::uint64_t bytes) {
  const std::uint64_t asked = pages(bytes) + kLargePage / kElfPage;
  EFI_PHYSICAL_ADDRESS got = 0;
  const EFI_STATUS status = allocate_pages(asked, EfiLoaderCode, got);
  if (EFI_ERROR(status)) fail(Line() << "kernel: no room for " << bytes << " bytes: " << Status{status});
  const std::uint64_t base = (got + kLargePage - 1) & ~(kLargePage - 1);
  const std::uint64_t end = base + pages(bytes) * kElfPage;
  const std::uint64_t got_end = got + asked * kElfPage;
  if (base != got) firmware.services->FreePages(got, (base - got) / kElfPage);
  if (end != got_end) firmware.services->FreePages(end, (got_end - end) / kElfPage);
  return base;
}

ElfPlan plan_of(File& file, const char* name) {
  alignas(8) static std::uint8_t head[kElfHeadBytes];
  const std::uint64_t bytes = file.bytes() < sizeof head ? file.bytes() : sizeof head;
  file.read(0, bytes, reinterpret_cast<std::uint64_t>(head));
  ElfPlan plan;
  if (const char* error = plan_elf(head, bytes, file.bytes(), kMachine, plan))
    fail(Line() << "kernel: " << name << ": " << error);
  return plan;
}

} // namespace

std::uint64_t allocate(std::uint64_t bytes, EFI_MEMORY_TYPE type, const char* what) {
  EFI_PHYSICAL_ADDRESS base = 0;
  const EFI_STATUS status = allocate_pages(pages(bytes), type, base);
  if (EFI_ERROR(status)) fail(Line() << what << ": no room for " << bytes << " bytes: " << Status{status});
  return base;
}

KernelImage load_kernel(File& file, const char* name) {
  const ElfPlan plan = plan_of(file, name);
  const std::uint64_t base = allocate_aligned(plan.image_bytes);
  __builtin_memset(reinterpret_cast<void*>(base), 0, plan.image_bytes);
  for (std::uint32_t i = 0; i < plan.segment_count; ++i) {
    const Segment& segment = plan.segments[i];
    file.read(segment.file_offset, segment.file_bytes, base + segment.image_offset);
  }
  publish(base, plan.image_bytes);
  for (std::uint32_t i = 0; i < plan.segment_count; ++i) {
    const Segment& segment = plan.segments[i];
    protect(base + segment.image_offset, pages(segment.memory_bytes) * kElfPage,
            segment.executable ? Permission::kExecute
            : segment.writable ? Permission::kWrite
                               : Permission::kRead);
  }
  return {.base = base, .bytes = plan.image_bytes, .entry = base + plan.entry_offset};
}

} // namespace runnel::uefi
