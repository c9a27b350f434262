// SPDX-License-Identifier: Apache-2.0
#include "kernel/debug/ksyms.hpp"

#include <algorithm>

namespace runnel::debug {

SymbolTable::SymbolTable(std::span<const std::byte> table) {
  if (table.size() < sizeof(u64)) return;
  const u64 count = *reinterpret_cast<const u64*>(table.data());
  const auto rest = table.subspan(sizeof(u64));
  constexpr usize kPerSymbol = sizeof(u64) + sizeof(u32);
  if (count > rest.size() / kPerSymbol) return;
  addresses_ = {reinterpret_cast<const u64*>(rest.data()), count};
  names_at_ = {reinterpret_cast<const u32*>(rest.data() + count * sizeof(u64)), count};
  names_ = {reinterpret_cast<const char*>(rest.data() + count * kPerSymbol),
            rest.size() - count * kPerSymbol};
}

std::optional<Symbol> SymbolTable::find(u64 address) const {
  const auto after = std::upper_bound(addresses_.begin(), addresses_.end(), address);
  if (after == addresses_.begin()) return std::nullopt;
  const auto index = static_cast<usize>(after - addresses_.begin()) - 1;
  if (names_at_[index] >= names_.size()) return std::nullopt;
  std::string_view name = names_.substr(names_at_[index]);
  name = name.substr(0, name.find('\0')); // to the end of the table when the last one is not terminated
  return Symbol{name, address - addresses_[index]};
}

} // namespace runnel::debug
