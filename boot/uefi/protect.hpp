// SPDX-License-Identifier: Apache-2.0
// Segment permissions in the firmware's page tables, for the instructions between the jump and the kernel's
// own page tables (which map by permission whatever happened here).
#pragma once

#include <cstdint>

namespace runnel::uefi {

enum class Permission { kRead, kWrite, kExecute }; // all can be read; no page is writable and executable

/// Whole pages. False when this firmware offers no way or refuses; the range is then left as it was.
bool protect(std::uint64_t base, std::uint64_t bytes, Permission permission);

} // namespace runnel::uefi
