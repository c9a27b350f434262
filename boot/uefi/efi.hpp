// SPDX-License-Identifier: Apache-2.0
// GNU-EFI's headers, and the two protocols we use that they do not have.
#pragma once

#include <cstddef>
#include <cstdint>

#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Weverything"
// Without it the x86_64 header types stdint.h's names anew, and differently, for every C++ compiler.
#define __STDC_VERSION__ 199901L
extern "C" {
#include <efi.h>
}
#undef __STDC_VERSION__
#pragma clang diagnostic pop

namespace runnel::uefi {

/// What the firmware handed to efi_main; set once, first thing.
struct Firmware {
  EFI_HANDLE image = nullptr;
  EFI_SYSTEM_TABLE* system = nullptr;
  EFI_BOOT_SERVICES* services = nullptr;
  bool services_ended =
      false; // from the first ExitBootServices call on: only memory-map services may be used
};
extern Firmware firmware;

/// EFI_MEMORY_ATTRIBUTE_PROTOCOL (UEFI 2.10, 37.1); firmware of 2023 and later has it.
struct MemoryAttributeProtocol {
  EFI_STATUS (*get)(MemoryAttributeProtocol*, UINT64 base, UINT64 bytes, UINT64* attributes);
  EFI_STATUS (*set)(MemoryAttributeProtocol*, UINT64 base, UINT64 bytes, UINT64 attributes);
  EFI_STATUS (*clear)(MemoryAttributeProtocol*, UINT64 base, UINT64 bytes, UINT64 attributes);
};

/// EFI_CPU_ARCH_PROTOCOL (PI 1.7, volume 2, 12.3): how EDK II changes its own page tables.
struct CpuArchProtocol {
  void* before[7];
  EFI_STATUS (*set_memory_attributes)(CpuArchProtocol*, UINT64 base, UINT64 bytes, UINT64 attributes);
};

inline constexpr UINT64 kAttributeExecuteProtect = 0x4000;
inline constexpr UINT64 kAttributeReadOnly = 0x20000;

inline EFI_GUID guid_memory_attribute{
    0xf4560cf6, 0x40ec, 0x4b4a, {0xa1, 0x92, 0xbf, 0x1d, 0x57, 0xd0, 0xb1, 0x89}};
inline EFI_GUID guid_cpu_arch{0x26baccb1, 0x6f42, 0x11d4, {0xbc, 0xe7, 0x00, 0x80, 0xc7, 0x3c, 0x88, 0x81}};
inline EFI_GUID guid_loaded_image = EFI_LOADED_IMAGE_PROTOCOL_GUID;
inline EFI_GUID guid_file_system = EFI_SIMPLE_FILE_SYSTEM_PROTOCOL_GUID;
inline EFI_GUID guid_file_info = EFI_FILE_INFO_ID;
inline EFI_GUID guid_global_variable = EFI_GLOBAL_VARIABLE;
inline EFI_GUID guid_acpi2 = ACPI_20_TABLE_GUID;
inline EFI_GUID guid_acpi1 = ACPI_TABLE_GUID;
inline EFI_GUID guid_device_tree = EFI_DTB_TABLE_GUID;

/// GNU-EFI's CHAR16 is an integer, the language's UTF-16 text is char16_t: same bytes.
inline CHAR16* wide(const char16_t* text) { return reinterpret_cast<CHAR16*>(const_cast<char16_t*>(text)); }

} // namespace runnel::uefi
