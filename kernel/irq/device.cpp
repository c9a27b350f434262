// SPDX-License-Identifier: Apache-2.0
#include "kernel/irq/device.hpp"

#include "kernel/sync/guards.hpp"

#include <arch/irqchip.hpp>
#include <atomic>

namespace runnel::irq {
namespace {

struct Slot {
  u32 line = 0;
  DeviceHandler handler = nullptr;
  void* context = nullptr;
};

constinit SpinLock lock{LockRank::kIrqChip};
constinit Slot slots[16] GUARDED_BY(lock);
constinit std::atomic<u64> unexpected{0};

Slot* find(u32 line) REQUIRES(lock) {
  for (Slot& slot : slots)
    if (slot.handler != nullptr && slot.line == line) return &slot;
  return nullptr;
}

Result<> claim(u32 line, DeviceHandler handler, void* context) {
  const IrqSpinGuard guard(lock);
  if (find(line) != nullptr) return err(Errno::kBUSY);
  for (Slot& slot : slots) {
    if (slot.handler != nullptr) continue;
    slot = {line, handler, context};
    return {};
  }
  return err(Errno::kNOSPC);
}

void forget(u32 line) {
  const IrqSpinGuard guard(lock);
  if (Slot* slot = find(line)) *slot = {};
}

} // namespace

Result<> request_irq(u32 line, CpuId cpu, DeviceHandler handler, void* context) {
  RUNNEL_TRY(claim(line, handler, context));
  Result<> enabled = arch::irq_enable_line(line, cpu);
  if (!enabled) forget(line);
  return enabled;
}

void free_irq(u32 line) {
  arch::irq_disable_line(line);
  forget(line);
}

void handle_device_interrupt(u32 line) {
  Slot slot;
  {
    const IrqSpinGuard guard(lock);
    if (const Slot* found = find(line)) slot = *found;
  }
  if (slot.handler != nullptr) return slot.handler(line, slot.context);
  unexpected.fetch_add(1, std::memory_order_relaxed);
  arch::irq_disable_line(line); // else a level-triggered line would interrupt for ever
}

u64 unexpected_device_interrupts() { return unexpected.load(std::memory_order_relaxed); }

} // namespace runnel::irq
