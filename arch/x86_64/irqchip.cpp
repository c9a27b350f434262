// SPDX-License-Identifier: Apache-2.0
// Interrupt controllers of x86_64 as arch/irqchip.hpp wants them: local APICs for CPUs, I/O APICs for
// devices.
#include "arch/x86_64/interrupts.hpp"
#include "arch/x86_64/ioapic.hpp"
#include "arch/x86_64/local_apic.hpp"
#include "arch/x86_64/power_port.hpp"
#include "arch/x86_64/vectors.hpp"

#include <arch/cpu.hpp>
#include <arch/irqchip.hpp>
#include <arch/upcalls.hpp>

namespace runnel::arch {
namespace {

constinit u32 apic_ids[kMaxCpus];
constinit u32 line_of_input[kNrDeviceVectors]; // device vector -> line as the kernel counts it

/// Disables interrupts around the two-register command of the xAPIC.
class CommandGuard {
 public:
  CommandGuard() : flags_(Cpu::irq_save()) {}
  ~CommandGuard() { Cpu::irq_restore(flags_); }
  CommandGuard(const CommandGuard&) = delete;
  CommandGuard& operator=(const CommandGuard&) = delete;

 private:
  Cpu::IrqFlags flags_;
};

} // namespace

void irqchip_init(const MachineInfo& machine) {
  for (u32 i = 0; i < machine.nr_cpus; ++i) apic_ids[i] = static_cast<u32>(machine.cpus[i].hw_id);
  local_apic_setup(machine.local_apic_base);
  ioapic_setup(machine);
  power_port_setup(machine);
}

void irqchip_init_cpu(CpuId) { local_apic_enable(); }

void send_ipi(CpuId to, Ipi ipi) {
  const CommandGuard guard;
  apic_send(apic_ids[to.value], Delivery::kFixed, kVectorIpi + static_cast<u32>(ipi));
}

void send_nmi(CpuId to) {
  const CommandGuard guard;
  apic_send(apic_ids[to.value], Delivery::kNmi, kVectorNmi);
}

Result<> irq_enable_line(u32 irq, CpuId cpu) {
  const u32 gsi = irq < 16 ? isa_irq_to_gsi(irq) : irq;
  if (gsi >= kNrDeviceVectors) return err(Errno::kNODEV);
  if (cpu.value >= kMaxCpus) return err(Errno::kINVAL);
  line_of_input[gsi] = irq;
  return ioapic_route(gsi, kVectorDevice + gsi, apic_ids[cpu.value]);
}

void irq_disable_line(u32 irq) { ioapic_mask(irq < 16 ? isa_irq_to_gsi(irq) : irq); }

IrqCounts irq_counts(CpuId cpu) {
  const CpuLocal& local = cpu_local(cpu);
  return {local.interrupts_timer, local.interrupts_ipi, local.interrupts_device, local.interrupts_spurious,
          local.interrupts_nmi};
}

void handle_interrupt(Registers& regs) {
  CpuLocal& local = Cpu::local();
  const u32 vector = static_cast<u32>(regs.vector);
  if (vector == kVectorSpurious || vector < kVectorDevice) {
    ++local.interrupts_spurious; // never in service: the spurious vector and a spurious 8259 interrupt take
                                 // no end
    return;
  }
  apic_end_of_interrupt(); // before the upcall, which may switch to another thread
  if (vector == kVectorTimer) {
    ++local.interrupts_timer;
    upcall::interrupt(upcall::Interrupt::kTimer, 0, regs);
  } else if (vector >= kVectorIpi && vector < kVectorIpi + kNrIpis) {
    ++local.interrupts_ipi;
    upcall::interrupt(upcall::Interrupt::kIpi, vector - kVectorIpi, regs);
  } else if (vector < kVectorDevice + kNrDeviceVectors) {
    ++local.interrupts_device;
    upcall::interrupt(upcall::Interrupt::kDevice, line_of_input[vector - kVectorDevice], regs);
  } else {
    ++local.interrupts_spurious;
  }
}

} // namespace runnel::arch
