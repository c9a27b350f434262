// SPDX-License-Identifier: Apache-2.0
// Intel 82093AA, chapter 3.
#include "arch/x86_64/ioapic.hpp"

#include "arch/x86_64/instructions.hpp"
#include "arch/x86_64/vectors.hpp"

#include <arch/cpu.hpp>
#include <arch/upcalls.hpp>
#include <atomic>

namespace runnel::arch {
namespace {

struct Controller {
  volatile u32* window = nullptr; // index register at 0, data register at 4
  u32 gsi_base = 0;
  u32 inputs = 0;
};

constinit Controller controllers[kMaxIoApics];
constinit u32 nr_controllers = 0;
constinit IrqOverride overrides[kMaxOverrides];
constinit u32 nr_overrides = 0;

constexpr u32 kVersion = 1;
constexpr u32 kRedirection = 0x10;
constexpr u32 kMasked = 1u << 16;
constexpr u32 kLevel = 1u << 15;
constexpr u32 kActiveLow = 1u << 13;

/// Index and data registers are one shared window: one CPU at a time, not interrupted. arch/ cannot use the
/// kernel's spinlocks; nothing is called while this one is held.
class WindowGuard {
 public:
  WindowGuard() : flags_(Cpu::irq_save()) {
    while (taken_.exchange(true, std::memory_order_acquire)) Cpu::relax(); // pairs with the release below
  }
  ~WindowGuard() {
    taken_.store(false, std::memory_order_release);
    Cpu::irq_restore(flags_);
  }
  WindowGuard(const WindowGuard&) = delete;
  WindowGuard& operator=(const WindowGuard&) = delete;

 private:
  static constinit inline std::atomic<bool> taken_{false};
  Cpu::IrqFlags flags_;
};

u32 read(const Controller& c, u32 reg) {
  c.window[0] = reg;
  return c.window[4];
}
void write(const Controller& c, u32 reg, u32 value) {
  c.window[0] = reg;
  c.window[4] = value;
}

const Controller* controller_of(u32 gsi) {
  for (u32 i = 0; i < nr_controllers; ++i)
    if (gsi >= controllers[i].gsi_base && gsi - controllers[i].gsi_base < controllers[i].inputs)
      return &controllers[i];
  return nullptr;
}

/// All inputs of the 8259s masked, and their vectors moved off the CPU's exceptions in case one fires
/// spuriously.
void silence_8259() {
  out8(0x20, 0x11), out8(0xa0, 0x11);
  out8(0x21, 0x20), out8(0xa1, 0x28);
  out8(0x21, 0x04), out8(0xa1, 0x02);
  out8(0x21, 0x01), out8(0xa1, 0x01);
  out8(0x21, 0xff), out8(0xa1, 0xff);
}

} // namespace

void ioapic_setup(const MachineInfo& machine) {
  silence_8259();
  nr_overrides = machine.nr_overrides;
  for (u32 i = 0; i < nr_overrides; ++i) overrides[i] = machine.overrides[i];
  for (u32 i = 0; i < machine.nr_ioapics; ++i) {
    Controller& c = controllers[nr_controllers++];
    c.window = static_cast<volatile u32*>(upcall::map_device(PhysAddr{machine.ioapics[i].base}, kPageSize));
    c.gsi_base = machine.ioapics[i].gsi_base;
    c.inputs = (read(c, kVersion) >> 16 & 0xff) + 1;
    for (u32 input = 0; input < c.inputs; ++input) write(c, kRedirection + 2 * input, kMasked);
  }
}

u32 isa_irq_to_gsi(u32 irq) {
  for (u32 i = 0; i < nr_overrides; ++i)
    if (overrides[i].source == irq) return overrides[i].gsi;
  return irq;
}

Result<> ioapic_route(u32 gsi, u32 vector, u32 apic_id) {
  const Controller* c = controller_of(gsi);
  if (c == nullptr) return err(Errno::kNODEV);
  // ISA lines are edge-triggered and active high, all others level and active low (ACPI 6.4, 5.2.12.5),
  // unless told.
  u32 mode = gsi < 16 ? 0 : kLevel | kActiveLow;
  for (u32 i = 0; i < nr_overrides; ++i)
    if (overrides[i].gsi == gsi)
      mode = (overrides[i].level ? kLevel : 0) | (overrides[i].active_low ? kActiveLow : 0);
  const u32 reg = kRedirection + 2 * (gsi - c->gsi_base);
  const WindowGuard guard;
  write(*c, reg, kMasked); // never half of the old route and half of the new
  write(*c, reg + 1, apic_id << 24);
  write(*c, reg, vector | mode);
  return {};
}

void ioapic_mask(u32 gsi) {
  const Controller* c = controller_of(gsi);
  if (c == nullptr) return;
  const WindowGuard guard;
  write(*c, kRedirection + 2 * (gsi - c->gsi_base), kMasked);
}

} // namespace runnel::arch
