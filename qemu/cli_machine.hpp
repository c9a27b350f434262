// SPDX-License-Identifier: Apache-2.0
// The options that describe a machine, the same in every command that starts one.
#pragma once

#include "qemu/guest.hpp"

#include <CLI/CLI.hpp>
#include <optional>
#include <string>
#include <vector>

namespace runnel::qemu {

struct MachineOptions {
  std::vector<Arch> arches;
  std::vector<u32> smp;            // empty: not given
  std::optional<sim::Shape> shape; // then smp has its number of CPUs
  std::optional<BootPath> boot;
  u32 memory_mib = kDefaultMemoryMib;
  u64 seed = 1;
  bool deterministic = false;
  std::optional<double> silence_seconds;
  std::string kernel; // path of another image
  std::string append; // more words for the kernel

  /// What --arch can be: all of them at once, or one.
  enum class Arches { kAll, kOne };
  enum class Smp { kList, kOne };
  void add_to(CLI::App& app, Arches arches, Smp smp);

  Timing timing() const { return deterministic ? Timing::kDeterministic : Timing::kRealTime; }
  double silence() const {
    return silence_seconds.value_or(default_silence(timing(), boot.value_or(BootPath::kDirect)));
  }
  MachineSpec spec(Arch arch, u32 cpus, BootPath path) const;
};

} // namespace runnel::qemu
