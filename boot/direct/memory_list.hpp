// SPDX-License-Identifier: Apache-2.0
// Memory ranges in address order without overlap, built by painting: a later `set` covers what lies under it.
#pragma once

#include "boot/boot_info.hpp"
#include "kernel/lib/types.hpp"

namespace runnel::boot {

class MemoryList {
 public:
  /// Paints [base, base + size) with `kind`, widened to whole pages (kUsable: narrowed). Anything but kUsable
  /// only changes what was painted before; it adds no memory. Too many ranges: copy_to fails.
  void set(u64 base, u64 size, MemoryKind kind);
  /// False when some range had no room.
  bool copy_to(BootInfo& info) const;

 private:
  void insert(u32 at, u64 base, u64 end, MemoryKind kind);

  struct Range {
    u64 base, end;
    MemoryKind kind;
  };
  Range ranges_[kMaxMemoryRanges] = {};
  u32 count_ = 0;
  bool overflowed_ = false;
};

} // namespace runnel::boot
