// SPDX-License-Identifier: Apache-2.0
// The architectures and the ways into them, with the names people type.
#pragma once

#include <optional>
#include <string_view>

namespace runnel::qemu {

enum class Arch { kX86_64, kAarch64 };
inline constexpr Arch kArches[] = {Arch::kX86_64, Arch::kAarch64};

enum class BootPath { kDirect, kUefi };

/// kDeterministic: one thread emulates all CPUs, time is the number of instructions.
enum class Timing { kRealTime, kDeterministic };

constexpr std::string_view to_string(Arch arch) { return arch == Arch::kX86_64 ? "x86_64" : "aarch64"; }
constexpr std::string_view to_string(BootPath boot) { return boot == BootPath::kDirect ? "direct" : "uefi"; }

constexpr std::optional<Arch> parse_arch(std::string_view name) {
  for (const Arch arch : kArches)
    if (to_string(arch) == name) return arch;
  return std::nullopt;
}

} // namespace runnel::qemu
