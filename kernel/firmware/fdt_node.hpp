// SPDX-License-Identifier: Apache-2.0
// One node of a device tree while it is being read: the properties that any of our readers wants.
#pragma once

#include "kernel/lib/fdt.hpp"

#include <algorithm>
#include <string_view>

namespace runnel::firmware {

using Cells = std::span<const u8>; // big-endian 32-bit words

struct FdtNode {
  std::string_view name; // with the unit address
  std::string_view compatible, device_type, status, method, stdout_path;
  Cells reg, interrupts, distances;
  u32 phandle = 0, numa_node = 0, next_cache = 0, cpu_ref = 0, nr_redist_regions = 1;
  u32 address_cells = 2, size_cells = 1; // for its children; the specification's defaults

  bool is_enabled() const { return status.empty() || status == "okay" || status == "ok"; }
  /// Whether the list of NUL-separated names in `compatible` has this one.
  bool is_compatible(std::string_view one) const;
  /// Takes a property over; those nobody wants are ignored.
  void take(const FdtToken& property);
};

struct FdtRange {
  u64 base = 0, size = 0;
};

/// The next entry of a child's `reg`, which it consumes, in the cells its parent says; no value at the end.
std::optional<FdtRange> take_range(const FdtNode& parent, Cells& reg);

} // namespace runnel::firmware
