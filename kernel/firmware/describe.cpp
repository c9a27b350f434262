// SPDX-License-Identifier: Apache-2.0
#include "kernel/firmware/describe.hpp"

#include "kernel/firmware/acpi_machine.hpp"
#include "kernel/firmware/fdt_machine.hpp"

#include <algorithm>

namespace runnel::firmware {

Result<> describe_machine(const boot::BootInfo& info, PhysReader reader, u64 boot_hw_id,
                          arch::MachineInfo& machine, Sink& why) {
  machine = {};
  if (info.acpi_rsdp != 0)
    return describe_from_acpi(reader, PhysAddr{info.acpi_rsdp}, boot_hw_id, machine, why);
  if (info.device_tree != 0)
    return describe_from_fdt(reader, PhysAddr{info.device_tree}, boot_hw_id, machine, why);
  if (const auto rsdp = scan_for_rsdp(reader))
    return describe_from_acpi(reader, *rsdp, boot_hw_id, machine, why);
  format_to(why, "neither ACPI tables nor a device tree describe this machine");
  return err(Errno::kNODEV);
}

namespace {

void describe_node(const arch::MachineInfo& machine, u32 node, Sink& sink) {
  u64 bytes = 0;
  for (u32 i = 0; i < machine.nr_node_memory; ++i)
    if (machine.node_memory[i].node == node) bytes += machine.node_memory[i].size;
  format_to(sink, "node {}: {} KiB, distances", node, bytes / 1024);
  for (u32 other = 0; other < machine.nr_nodes; ++other)
    format_to(sink, " {}", u32{machine.node_distance[node][other]});
  sink.write("\n");
}

} // namespace

void describe_topology(const arch::MachineInfo& machine, Sink& sink) {
  u32 packages = 0, cores = 0, llcs = 0;
  for (u32 i = 0; i < machine.nr_cpus; ++i) {
    packages = std::max(packages, machine.cpus[i].package + 1);
    cores = std::max(cores, machine.cpus[i].core + 1);
    llcs = std::max(llcs, machine.cpus[i].llc + 1);
  }
  format_to(sink, "by {}: CPUs {}, packages {}, cores {}, last-level caches {}, NUMA nodes {}\n",
            machine.described_by, machine.nr_cpus, packages, cores, llcs, machine.nr_nodes);
  if (machine.nr_cpus_ignored != 0)
    format_to(sink, "left out: {} CPUs beyond the {} this kernel drives\n", machine.nr_cpus_ignored,
              kMaxCpus);
  for (u32 i = 0; i < machine.nr_cpus; ++i) {
    const arch::CpuDescription& cpu = machine.cpus[i];
    format_to(sink, "cpu {:2}: id {:#06x} package {} cluster {} core {} thread {} cache {} node {}\n", i,
              cpu.hw_id, cpu.package, cpu.cluster, cpu.core, cpu.thread, cpu.llc, cpu.node);
  }
  if (machine.nr_nodes < 2) return;
  for (u32 node = 0; node < machine.nr_nodes; ++node) describe_node(machine, node, sink);
}

} // namespace runnel::firmware
