// SPDX-License-Identifier: Apache-2.0
// Reader of a flattened device tree, one token at a time, bounds checked (Devicetree Specification 0.4,
// chapter 5). Used by the boot path, which needs memory and command line, and by kernel/firmware.
#pragma once

#include "kernel/lib/types.hpp"

#include <optional>
#include <span>
#include <string_view>

namespace runnel {

struct FdtToken {
  enum class Kind : u8 { kBeginNode, kEndNode, kProperty, kEnd, kDamaged };
  Kind kind = Kind::kDamaged;
  std::string_view name;     // of the node with its unit address, or of the property
  std::span<const u8> value; // of the property
};

class FdtReader {
 public:
  /// No value when `blob` has no device tree of a version that can be read. `blob` is mapped for at least its
  /// header (40 bytes) and, where the header is right, for the size the header tells.
  static std::optional<FdtReader> open(const u8* blob);

  u32 size() const { return static_cast<u32>(blob_.size()); }
  /// After kEnd or kDamaged the reader is spent.
  FdtToken next();
  /// Where in the blob the next token lies; what follows a damaged one starts here.
  u32 offset() const { return position_; }

  struct Reservation {
    u64 base, size;
  };
  /// Entry `index` of the memory reservation block; no value past its end.
  std::optional<Reservation> reservation(u32 index) const;

 private:
  std::span<const u8> blob_;
  u32 reservations_ = 0;
  u32 strings_ = 0;
  u32 position_ = 0;
};

/// Big-endian number of `bytes` (4 or 8) bytes at the front of `data`, which it consumes; 0 when too short.
u64 fdt_take(std::span<const u8>& data, u32 bytes);

} // namespace runnel
