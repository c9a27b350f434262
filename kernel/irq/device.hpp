// SPDX-License-Identifier: Apache-2.0
// Handlers of device interrupts.
#pragma once

#include "kernel/lib/errno.hpp"
#include "kernel/lib/types.hpp"

namespace runnel::irq {

/// Called with interrupts off on the CPU the line is routed to.
using DeviceHandler = void (*)(u32 line, void* context);

/// Routes `line` (as arch::irq_enable_line counts them) to `cpu` and to `handler`. kBUSY: the line has a
/// handler; kNOSPC: no more handlers can be held; else the controller's error.
Result<> request_irq(u32 line, CpuId cpu, DeviceHandler handler, void* context);
/// Masks the line and forgets the handler. A handler running elsewhere may still be on its way out.
void free_irq(u32 line);

/// Runs the handler of `line`; an interrupt nobody asked for is counted and its line masked.
void handle_device_interrupt(u32 line);
u64 unexpected_device_interrupts();

} // namespace runnel::irq
