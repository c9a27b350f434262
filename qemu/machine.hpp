// SPDX-License-Identifier: Apache-2.0
// One virtual machine as a QEMU command line. Pure: nothing is started or looked up on disk here.
#pragma once

#include "kernel/lib/types.hpp"
#include "qemu/arch.hpp"
#include "sched/sim/shape.hpp"

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace runnel::qemu {

inline constexpr u32 kDefaultMemoryMib = 256;
inline constexpr u32 kMinMemoryMib = 64;
inline constexpr u32 kMaxMemoryMib = 65536;

/// kReset: a guest's reboot resets it. kPause: reboot, power-off and triple fault stop the machine, so that
/// it can be looked at.
enum class OnReset { kPause, kReset };

struct MachineSpec {
  Arch arch = Arch::kX86_64;
  BootPath boot = BootPath::kDirect;
  Timing timing = Timing::kRealTime;
  OnReset on_reset = OnReset::kPause;
  u32 cpus = 4;
  std::optional<sim::Shape>
      shape; // of cpus CPUs; none: as QEMU likes, which is one socket a CPU or all in one
  u32 memory_mib = kDefaultMemoryMib;
  u64 seed = 1;
  std::filesystem::path kernel;   // direct: what -kernel takes
  std::filesystem::path initrd;   // direct; empty: none
  std::string command_line;       // direct
  std::filesystem::path volume;   // UEFI: the folder that becomes the boot volume
  std::filesystem::path firmware; // UEFI
  std::vector<std::string> extra; // more words for QEMU
};

/// The emulator's name, or what the environment variable RUNNEL_QEMU_X86_64 / RUNNEL_QEMU_AARCH64 says
/// instead.
std::string emulator(Arch arch);

/// The command line. The first serial port is QEMU's standard input and output; QMP is spoken on descriptor
/// `qmp_fd` (a connected socket).
std::vector<std::string> qemu_command(const MachineSpec& spec, int qmp_fd);

/// Why QEMU cannot make a machine of this shape; empty: it can.
std::string shape_problem(const sim::Shape& shape);

/// "x86_64 direct, 4 CPUs", "x86_64 direct, 16 CPUs as 2x4x2", with ", deterministic" where it is.
std::string describe(const MachineSpec& spec);

/// The options of `./runnel test` for it: "--arch x86_64 --smp 4 --deterministic".
std::string test_options(const MachineSpec& spec);

} // namespace runnel::qemu
