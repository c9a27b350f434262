// SPDX-License-Identifier: Apache-2.0
// Intel SDM volume 3, chapter 11.
#include "arch/x86_64/local_apic.hpp"

#include "arch/x86_64/instructions.hpp"
#include "arch/x86_64/vectors.hpp"

#include <arch/cpu.hpp>
#include <arch/upcalls.hpp>

namespace runnel::arch {
namespace {

constinit volatile u32* registers = nullptr; // nullptr: x2APIC

constexpr u64 kApicEnable = 1u << 11;
constexpr u64 kX2ApicEnable = 1u << 10;
constexpr u32 kMasked = 1u << 16;
constexpr u32 kDeliveryPending = 1u << 12;
constexpr u32 kLevelAssert = 1u << 14;
constexpr u32 kDeliverNmi = 4u << 8;

u32 msr_of(ApicReg reg) { return 0x800 + static_cast<u32>(reg) / 16; }

} // namespace

bool apic_is_x2apic() { return registers == nullptr; }

void local_apic_setup(u64 base) {
  if (registers != nullptr || (cpuid(1).ecx & 1u << 21) != 0) return;
  registers = static_cast<volatile u32*>(upcall::map_device(PhysAddr{base}, kPageSize));
}

void apic_write(ApicReg reg, u32 value) {
  if (registers != nullptr)
    registers[static_cast<u32>(reg) / 4] = value;
  else
    write_msr(msr_of(reg), value);
}

u32 apic_read(ApicReg reg) {
  if (registers != nullptr) return registers[static_cast<u32>(reg) / 4];
  return static_cast<u32>(read_msr(msr_of(reg)));
}

void local_apic_enable() {
  u64 base = read_msr(kMsrApicBase) | kApicEnable;
  if (apic_is_x2apic()) base |= kX2ApicEnable;
  write_msr(kMsrApicBase, base);
  for (const ApicReg local : {ApicReg::kTimer, ApicReg::kLint0, ApicReg::kLint1, ApicReg::kError})
    apic_write(local, kMasked | kVectorSpurious);
  // The machine's own NMI (a button, QEMU's inject-nmi) goes to the boot CPU, whose panic stops the others.
  if (Cpu::this_cpu() == CpuId{0}) apic_write(ApicReg::kLint1, kDeliverNmi);
  apic_write(ApicReg::kTaskPriority, 0);
  apic_write(ApicReg::kSpurious, 1u << 8 | kVectorSpurious);
}

void apic_send(u32 apic_id, Delivery delivery, u32 vector) {
  const u32 command = vector | static_cast<u32>(delivery) << 8 | kLevelAssert;
  if (apic_is_x2apic()) {
    // An x2APIC write is no serialising store: what was written for the target must be out first.
    Cpu::full_barrier();
    write_msr(msr_of(ApicReg::kCommandLow), static_cast<u64>(apic_id) << 32 | command);
    return;
  }
  apic_write(ApicReg::kCommandHigh, apic_id << 24);
  apic_write(ApicReg::kCommandLow, command);
  while ((apic_read(ApicReg::kCommandLow) & kDeliveryPending) != 0) Cpu::relax();
}

} // namespace runnel::arch
