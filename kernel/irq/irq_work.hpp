// SPDX-License-Identifier: Apache-2.0
// Work a context that cannot do it (a lock is held, an NMI) leaves for a self-IPI to do as soon as interrupts
// are on.
#pragma once

#include "kernel/lib/types.hpp"

#include <atomic>

namespace runnel::irq {

struct IrqWork {
  void (*fn)(IrqWork&) = nullptr; // interrupt context, interrupts off
  IrqWork* next = nullptr;
  std::atomic<u32> pending{0};
};

/// Queues `work` on this CPU; false when it is queued already (it will run after this call all the same: the
/// flag is cleared before fn). Any context, NMI included.
bool irq_work_queue(IrqWork& work);
/// The self-IPI's handler.
void irq_work_run();

} // namespace runnel::irq
