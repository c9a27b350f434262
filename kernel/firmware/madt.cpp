// SPDX-License-Identifier: Apache-2.0
// MADT (ACPI 6.4, 5.2.12): the CPUs and the interrupt controllers.
#include "kernel/firmware/acpi_machine.hpp"
#include "kernel/firmware/cpu_list.hpp"

namespace runnel::firmware {
namespace {

constexpr u32 kEnabled = 1;

enum Entry : u8 {
  kLocalApic = 0,
  kIoApic = 1,
  kOverride = 2,
  kLocalApicAddress = 5,
  kLocalX2Apic = 9,
  kGicCpu = 11,
  kGicDistributor = 12,
  kGicRedistributors = 14,
};
constexpr EntrySize kSizes[] = {{kLocalApic, 8},         {kIoApic, 12},           {kOverride, 10},
                                {kLocalApicAddress, 12}, {kLocalX2Apic, 16},      {kGicCpu, 76},
                                {kGicDistributor, 24},   {kGicRedistributors, 16}};

void add_ioapic(arch::MachineInfo& machine, Bytes e) {
  if (machine.nr_ioapics == arch::kMaxIoApics) return;
  machine.ioapics[machine.nr_ioapics++] = {read_or_zero<u32>(e, 4), read_or_zero<u32>(e, 8),
                                           read_or_zero<u8>(e, 2)};
}

void add_override(arch::MachineInfo& machine, Bytes e) {
  if (machine.nr_overrides == arch::kMaxOverrides) return;
  const u16 flags = read_or_zero<u16>(e, 8);
  machine.overrides[machine.nr_overrides++] = {.source = read_or_zero<u8>(e, 3),
                                               .gsi = read_or_zero<u32>(e, 4),
                                               .active_low = (flags & 3) == 3,
                                               .level = (flags >> 2 & 3) == 3};
}

void add_gicr_region(arch::MachineInfo& machine, u64 base, u64 size) {
  if (machine.nr_gicr_regions == arch::kMaxGicRedistRegions) return;
  machine.gicr_regions[machine.nr_gicr_regions].base = base;
  machine.gicr_regions[machine.nr_gicr_regions++].size = size;
}

void visit(CpuList& cpus, arch::MachineInfo& machine, u8 type, Bytes e) {
  switch (type) {
  case kLocalApic:
    if ((read_or_zero<u32>(e, 4) & kEnabled) != 0)
      cpus.add({.hw_id = read_or_zero<u8>(e, 3), .acpi_uid = read_or_zero<u8>(e, 2)});
    break;
  case kIoApic:
    add_ioapic(machine, e);
    break;
  case kOverride:
    add_override(machine, e);
    break;
  case kLocalApicAddress:
    machine.local_apic_base = read_or_zero<u64>(e, 4);
    break;
  case kLocalX2Apic:
    if ((read_or_zero<u32>(e, 8) & kEnabled) != 0)
      cpus.add({.hw_id = read_or_zero<u32>(e, 4), .acpi_uid = read_or_zero<u32>(e, 12)});
    break;
  case kGicCpu:
    if ((read_or_zero<u32>(e, 12) & kEnabled) != 0)
      cpus.add({.hw_id = read_or_zero<u64>(e, 68),
                .acpi_uid = read_or_zero<u32>(e, 8),
                .gicr_base = read_or_zero<u64>(e, 60)});
    break;
  case kGicDistributor:
    machine.gicd_base = read_or_zero<u64>(e, 8);
    break;
  case kGicRedistributors:
    add_gicr_region(machine, read_or_zero<u64>(e, 4), read_or_zero<u32>(e, 12));
    break;
  default:
    break;
  }
}

/// A distributor without redistributors is a GICv2, which no code here drives.
bool lacks_redistributors(const arch::MachineInfo& machine) {
  return machine.gicd_base != 0 && machine.nr_gicr_regions == 0 && machine.cpus[0].gicr_base == 0;
}

} // namespace

Result<> read_madt(Bytes madt, u64 boot_hw_id, arch::MachineInfo& machine, Sink& why) {
  machine.local_apic_base = read_or_zero<u32>(madt, kAcpiHeaderSize);
  CpuList cpus(machine, boot_hw_id);
  RUNNEL_TRY(for_each_entry("APIC", madt, kAcpiHeaderSize + 8, kSizes, why,
                            [&](u8 type, Bytes e) { visit(cpus, machine, type, e); }));
  RUNNEL_TRY(cpus.finish("ACPI table APIC", why));
  if (machine.nr_ioapics == 0 && machine.gicd_base == 0) {
    format_to(why, "ACPI table APIC names no interrupt controller (I/O APIC or GIC distributor)");
    return err(Errno::kINVAL);
  }
  if (lacks_redistributors(machine)) {
    format_to(why, "ACPI table APIC names no GICv3 (start the machine with gic-version=3)");
    return err(Errno::kINVAL);
  }
  return {};
}

} // namespace runnel::firmware
