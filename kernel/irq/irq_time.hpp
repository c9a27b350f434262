// SPDX-License-Identifier: Apache-2.0

// Time spent in interrupts, which no task is charged for (spec sched_core 1.12).
#pragma once

#include "kernel/lib/types.hpp"

namespace runnel::irq {

/// Total of `cpu` since it started, up to the end of its last interrupt. Any context, any CPU.
Duration irq_time(CpuId cpu);

/// Around the outermost interrupt of this CPU, interrupts off.
class [[nodiscard]] IrqTimeScope {
 public:
  IrqTimeScope();
  ~IrqTimeScope();
  IrqTimeScope(const IrqTimeScope&) = delete;
  IrqTimeScope& operator=(const IrqTimeScope&) = delete;

 private:
  Instant start_;
};

} // namespace runnel::irq
