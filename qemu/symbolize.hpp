// SPDX-License-Identifier: Apache-2.0
// Kernel addresses to functions and source lines, by libdw from the image's debug information.
#pragma once

#include "kernel/lib/types.hpp"

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace runnel::qemu {

struct CodeLocation {
  std::string function; // demangled, without its arguments' types
  u64 offset = 0;
  /// "file:line" from the top of the tree: the innermost code first, then each place it was inlined in. Empty
  /// without line information.
  std::vector<std::string> places;
};

class Symbolizer {
 public:
  /// An image that cannot be read gives a symbolizer that knows nothing.
  explicit Symbolizer(const std::filesystem::path& elf);
  ~Symbolizer();
  Symbolizer(const Symbolizer&) = delete;
  Symbolizer& operator=(const Symbolizer&) = delete;

  /// The code at `address`: virtual, or physical as linked (early boot code).
  std::optional<CodeLocation> find(u64 address) const;

  /// "0xffffffff80201234 schedule+0x34 (kernel/lib/list.hpp:40, inlined in sched/core/schedule.cpp:120)". A
  /// return address belongs to the call before it.
  enum class Kind { kExact, kReturnAddress };
  std::string describe(u64 address, Kind kind) const;

  /// Appends that " (file:line)" to each backtrace line `    #i 0xADDR symbol+0xOFF` of `text`.
  std::string annotate(std::string_view text) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

} // namespace runnel::qemu
