// SPDX-License-Identifier: Apache-2.0
#include "boot/uefi/tables.hpp"

#include "boot/uefi/efi.hpp"

namespace runnel::uefi {
namespace {

constexpr std::uint32_t kDeviceTreeMagic = 0xd00dfeed;

bool same(const EFI_GUID& a, const EFI_GUID& b) { return __builtin_memcmp(&a, &b, sizeof a) == 0; }

std::uint32_t big_endian_at(const void* bytes, unsigned offset) {
  std::uint32_t value;
  __builtin_memcpy(&value, static_cast<const std::uint8_t*>(bytes) + offset, sizeof value);
  return __builtin_bswap32(value);
}

} // namespace

Tables find_tables() {
  Tables tables;
  std::uint64_t old_rsdp = 0; // ACPI 1.0: no XSDT
  for (UINTN i = 0; i < firmware.system->NumberOfTableEntries; ++i) {
    const EFI_CONFIGURATION_TABLE& entry = firmware.system->ConfigurationTable[i];
    const auto address = reinterpret_cast<std::uint64_t>(entry.VendorTable);
    if (same(entry.VendorGuid, guid_acpi2)) tables.acpi_rsdp = address;
    if (same(entry.VendorGuid, guid_acpi1)) old_rsdp = address;
    if (same(entry.VendorGuid, guid_device_tree) && big_endian_at(entry.VendorTable, 0) == kDeviceTreeMagic) {
      tables.device_tree = address;
      tables.device_tree_bytes = big_endian_at(entry.VendorTable, 4);
    }
  }
  if (tables.acpi_rsdp == 0) tables.acpi_rsdp = old_rsdp;
  return tables;
}

} // namespace runnel::uefi
