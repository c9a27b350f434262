// SPDX-License-Identifier: Apache-2.0
#include "boot/uefi/protect.hpp"

#include "boot/uefi/efi.hpp"
#include "boot/uefi/machine.hpp"

namespace runnel::uefi {
namespace {

constexpr UINT64 kBoth = kAttributeReadOnly | kAttributeExecuteProtect;

UINT64 attributes_of(Permission permission) {
  switch (permission) {
  case Permission::kRead:
    return kBoth;
  case Permission::kWrite:
    return kAttributeExecuteProtect;
  case Permission::kExecute:
    return kAttributeReadOnly;
  }
  return kBoth;
}

template <typename T> T* locate(EFI_GUID& guid) {
  void* found = nullptr;
  return EFI_ERROR(firmware.services->LocateProtocol(&guid, nullptr, &found)) ? nullptr
                                                                              : static_cast<T*>(found);
}

} // namespace

bool protect(std::uint64_t base, std::uint64_t bytes, Permission permission) {
  const UINT64 wanted = attributes_of(permission);
  if (auto* protocol = locate<MemoryAttributeProtocol>(guid_memory_attribute)) {
    return !EFI_ERROR(protocol->set(protocol, base, bytes, wanted)) &&
           (wanted == kBoth || !EFI_ERROR(protocol->clear(protocol, base, bytes, kBoth & ~wanted)));
  }
  // EDK II before 2023.
  if (auto* cpu = locate<CpuArchProtocol>(guid_cpu_arch))
    return !EFI_ERROR(cpu->set_memory_attributes(cpu, base, bytes, wanted | kPageAttributes));
  return false;
}

} // namespace runnel::uefi
