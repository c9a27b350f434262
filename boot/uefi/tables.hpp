// SPDX-License-Identifier: Apache-2.0
// Hardware descriptions in the firmware's configuration table.
#pragma once

#include <cstdint>

namespace runnel::uefi {

struct Tables {
  std::uint64_t acpi_rsdp = 0;         // 0: none
  std::uint64_t device_tree = 0;       // 0: none
  std::uint64_t device_tree_bytes = 0; // as its header says
};

Tables find_tables();

} // namespace runnel::uefi
