// SPDX-License-Identifier: Apache-2.0
#include "kernel/user/cpu_time/clock.hpp"

namespace runnel::user {
namespace {

ProcessRef own() {
  get_process(current_process());
  return ProcessRef(&current_process());
}

u32 tid_of(const CpuClockId& id) { return id.id != 0 ? id.id : current_thread().tid(); }

} // namespace

ProcessRef process_of_clock(const CpuClockId& id, ClockUse use) {
  const bool own_thread = use == ClockUse::kRead && id.id == current_thread().tid();
  // Threads of other processes cannot be measured.
  if (id.scope == CpuScope::kThread || id.id == 0 || own_thread) return own();
  return find_process(id.id);
}

Result<u64> cpu_clock_value(const CpuClockId& id) {
  const ProcessRef process = process_of_clock(id, ClockUse::kRead);
  if (!process) return err(Errno::kINVAL);
  if (id.scope == CpuScope::kProcess) return process->cpu.sample().of(id.which);
  CpuSample sample;
  if (!process->cpu.sample_thread(tid_of(id), sample)) return err(Errno::kINVAL);
  return sample.of(id.which);
}

Result<> check_cpu_clock(const CpuClockId& id) {
  const ProcessRef process = process_of_clock(id, ClockUse::kTimer);
  CpuSample sample;
  if (!process) return err(Errno::kINVAL);
  if (id.scope == CpuScope::kThread && !process->cpu.sample_thread(tid_of(id), sample))
    return err(Errno::kINVAL);
  return {};
}

} // namespace runnel::user
