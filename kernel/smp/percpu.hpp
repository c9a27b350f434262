// SPDX-License-Identifier: Apache-2.0
// Per-CPU data: one cache-line aligned slot a CPU.
#pragma once

#include "kernel/lib/types.hpp"

#include <arch/cpu.hpp>

namespace runnel {

template <typename T> class PerCpu {
 public:
  /// This CPU's slot. The caller cannot migrate: preemption or interrupts are off (or the thread is pinned).
  T& local() { return slots_[arch::Cpu::this_cpu().value].value; }
  T& on(CpuId cpu) { return slots_[cpu.value].value; }
  const T& on(CpuId cpu) const { return slots_[cpu.value].value; }

 private:
  struct alignas(kCacheLine) Slot {
    T value{};
  };
  Slot slots_[kMaxCpus]{};
};

} // namespace runnel
