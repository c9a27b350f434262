// SPDX-License-Identifier: Apache-2.0
#include "kernel/firmware/cpu_list.hpp"

#include <algorithm>

namespace runnel::firmware {

std::optional<u32> CpuList::find(u64 hw_id) const {
  for (u32 i = 0; i < machine_.nr_cpus; ++i)
    if (machine_.cpus[i].hw_id == hw_id) return i;
  return std::nullopt;
}

u32 CpuList::add(const arch::CpuDescription& cpu) {
  if (const std::optional<u32> before = find(cpu.hw_id)) return *before;
  u32 index = machine_.nr_cpus;
  if (index < kMaxCpus) {
    ++machine_.nr_cpus;
  } else {
    ++machine_.nr_cpus_ignored;
    if (cpu.hw_id != boot_hw_id_) return kMaxCpus;
    index = kMaxCpus - 1;
  }
  machine_.cpus[index] = cpu;
  machine_.cpus[index].core = index; // its own, until a table tells more
  return index;
}

Result<> CpuList::finish(std::string_view table, Sink& why) {
  if (machine_.nr_cpus == 0) {
    format_to(why, "{} lists no enabled CPU", table);
    return err(Errno::kINVAL);
  }
  const std::optional<u32> boot = find(boot_hw_id_);
  if (!boot) {
    format_to(why, "{} does not list the CPU that boots (hardware id {:#x})", table, boot_hw_id_);
    return err(Errno::kINVAL);
  }
  std::rotate(machine_.cpus, machine_.cpus + *boot, machine_.cpus + *boot + 1);
  return {};
}

} // namespace runnel::firmware
