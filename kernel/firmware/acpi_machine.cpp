// SPDX-License-Identifier: Apache-2.0
#include "kernel/firmware/acpi_machine.hpp"

namespace runnel::firmware {

Result<> describe_from_acpi(PhysReader reader, PhysAddr rsdp, u64 boot_hw_id, arch::MachineInfo& machine,
                            Sink& why) {
  const Result<AcpiTables> tables = AcpiTables::open(reader, rsdp, why);
  if (!tables) return err(tables.error());
  machine.described_by = "ACPI";

  const Result<Bytes> madt = tables->find("APIC", why);
  if (!madt) return err(madt.error());
  if (madt->empty()) {
    format_to(why, "ACPI has no table APIC: the CPUs are not described");
    return err(Errno::kNOENT);
  }
  RUNNEL_TRY(read_madt(*madt, boot_hw_id, machine, why));

  const Result<Bytes> srat = tables->find("SRAT", why);
  if (!srat) return err(srat.error());
  const Result<Bytes> slit = tables->find("SLIT", why);
  if (!slit) return err(slit.error());
  if (!srat->empty()) RUNNEL_TRY(read_srat(*srat, *slit, machine, why));

  const Result<Bytes> pptt = tables->find("PPTT", why);
  if (!pptt) return err(pptt.error());
  if (!pptt->empty()) RUNNEL_TRY(read_pptt(*pptt, machine, why));

  constexpr struct {
    std::string_view signature;
    void (*read)(Bytes, arch::MachineInfo&);
  } kOptional[] = {{"HPET", read_hpet}, {"FACP", read_fadt}, {"GTDT", read_gtdt}, {"SPCR", read_spcr}};
  for (const auto& optional : kOptional) {
    const Result<Bytes> table = tables->find(optional.signature, why);
    if (!table) return err(table.error());
    if (!table->empty()) optional.read(*table, machine);
  }
  assume_com1(machine);
  return {};
}

} // namespace runnel::firmware
