// SPDX-License-Identifier: Apache-2.0
// Bounds-checked reading of tables nobody here wrote. Every access says how much it wants; what is not there
// is an error, never a wild read.
#pragma once

#include "kernel/lib/format.hpp"

#include <cstddef>
#include <cstring>
#include <optional>
#include <span>
#include <string_view>

namespace runnel::firmware {

using Bytes = std::span<const std::byte>;

/// Physical memory as the readers see it: `size` bytes at `phys`, or an empty span when they cannot be read.
/// The kernel gives the direct map, host tests a dumped table.
using PhysReader = Bytes (*)(PhysAddr phys, u64 size);

/// A little-endian (ACPI) value at `offset`; nothing when it does not lie wholly inside.
template <typename T> std::optional<T> read(Bytes bytes, u64 offset) {
  if (offset > bytes.size() || bytes.size() - offset < sizeof(T)) return std::nullopt;
  T value;
  std::memcpy(&value, bytes.data() + offset, sizeof value);
  return value;
}

/// As read, 0 when absent: for optional trailing fields of older table revisions.
template <typename T> T read_or_zero(Bytes bytes, u64 offset) { return read<T>(bytes, offset).value_or(T{}); }

/// Part of `bytes`, cut to what is there.
inline Bytes slice(Bytes bytes, u64 offset, u64 size) {
  if (offset > bytes.size()) return {};
  const u64 left = bytes.size() - offset;
  return bytes.subspan(offset, size < left ? size : left);
}

inline std::string_view text(Bytes bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

} // namespace runnel::firmware
