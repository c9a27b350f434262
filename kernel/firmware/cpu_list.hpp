// SPDX-License-Identifier: Apache-2.0
// The CPUs in the order the firmware lists them, but with the one that boots first.
#pragma once

#include "kernel/lib/errno.hpp"
#include "kernel/lib/format.hpp"

#include <arch/machine.hpp>
#include <optional>
#include <string_view>

namespace runnel::firmware {

class CpuList {
 public:
  /// Fills machine.cpus from the beginning.
  CpuList(arch::MachineInfo& machine, u64 boot_hw_id) : machine_(machine), boot_hw_id_(boot_hw_id) {}

  /// An enabled CPU. One that is listed twice (as local APIC and as x2APIC) counts once; one beyond kMaxCpus
  /// is counted as ignored, unless it is the boot CPU, which takes the place of another. Returns its index,
  /// kMaxCpus when it has none.
  u32 add(const arch::CpuDescription& cpu);

  /// After the last: puts the boot CPU first. kINVAL, said of `table` in `why`, when it is not there.
  Result<> finish(std::string_view table, Sink& why);

 private:
  std::optional<u32> find(u64 hw_id) const;

  arch::MachineInfo& machine_;
  u64 boot_hw_id_;
};

} // namespace runnel::firmware
