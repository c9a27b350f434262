// SPDX-License-Identifier: Apache-2.0
// Names of code addresses, from the table that linker/ksyms.sh puts into the image:
//   u64 count; count x { u64 address }, ascending; count x { u32 offset of name }; the names, NUL-terminated.
#pragma once

#include "kernel/lib/types.hpp"

#include <cstddef>
#include <optional>
#include <span>
#include <string_view>

namespace runnel::debug {

struct Symbol {
  std::string_view name;
  u64 offset = 0; // of the address within it
};

/// Reads such a table in place. A damaged table gives no or wrong names, but is never read beyond its end.
class SymbolTable {
 public:
  constexpr SymbolTable() = default;
  /// `table` is 8-byte aligned.
  explicit SymbolTable(std::span<const std::byte> table);
  /// The last symbol that begins at or before `address`.
  std::optional<Symbol> find(u64 address) const;
  usize size() const { return addresses_.size(); }

 private:
  std::span<const u64> addresses_;
  std::span<const u32> names_at_;
  std::string_view names_;
};

} // namespace runnel::debug
