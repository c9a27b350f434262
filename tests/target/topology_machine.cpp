// SPDX-License-Identifier: Apache-2.0
// What the firmware's tables said about memory and devices.
#include "kernel/firmware/describe.hpp"
#include "kernel/mm/page_alloc.hpp"
#include "kernel/smp/cpumask.hpp"
#include "kernel/test/test.hpp"

#include <algorithm>

namespace runnel {
namespace {

RUNNEL_TEST(topology, nodes_of_cpus_and_memory_exist)
{
  const arch::MachineInfo& machine = machine_info();
  REQUIRE(machine.nr_nodes >= 1u);
  REQUIRE(machine.nr_nodes <= arch::kMaxNodes);
  for (u32 i = 0; i < machine.nr_cpus; ++i) CHECK(machine.cpus[i].node < machine.nr_nodes);
  for (u32 i = 0; i < machine.nr_node_memory; ++i) {
    CHECK(machine.node_memory[i].node < machine.nr_nodes);
    CHECK(machine.node_memory[i].size != 0u);
  }
}

RUNNEL_TEST(topology, no_node_is_nearer_than_the_own)
{
  const arch::MachineInfo& machine = machine_info();
  if (machine.node_distance[0][0] == 0)
    return test::skip("the machine tells no distances (start it with -numa)");
  for (u32 i = 0; i < machine.nr_nodes; ++i) {
    CHECK(machine.node_distance[i][i] == 10u);
    for (u32 j = 0; j < machine.nr_nodes; ++j) CHECK(machine.node_distance[i][j] >= 10u);
  }
}

/// Memory of two nodes never overlaps, and the pages we are given lie in one of them.
RUNNEL_TEST(topology, every_page_belongs_to_one_node)
{
  const arch::MachineInfo& machine = machine_info();
  if (machine.nr_node_memory == 0) return test::skip("the machine does not tell which node has which memory");
  const auto owners = [&](PhysAddr at) {
    return std::count_if(machine.node_memory, machine.node_memory + machine.nr_node_memory,
                         [&](const arch::NodeMemory& m) { return at.value - m.base < m.size; });
  };
  for (u32 order = 0; order < 4; ++order) {
    const Result<PhysAddr> block = alloc_pages(order);
    REQUIRE(block.has_value());
    CHECK(owners(*block) == 1);
    CHECK(owners(*block + ((kPageSize << order) - 1)) == 1);
    free_pages(*block, order);
  }
}

RUNNEL_TEST(topology, x86_64_devices_are_where_q35_and_microvm_have_them, .arch = test::TestArch::kX86_64)
{
  const arch::MachineInfo& machine = machine_info();
  CHECK(std::string_view(machine.described_by) == "ACPI");
  CHECK(machine.local_apic_base == 0xfee00000u);
  REQUIRE(machine.nr_ioapics >= 1u);
  CHECK(machine.ioapics[0].base == 0xfec00000u);
  CHECK(machine.uart == arch::UartKind::k16550Port);
  CHECK(machine.uart_base == 0x3f8u);
  CHECK(machine.uart_irq == 4u);
  CHECK(machine.gicd_base == 0u);
}

RUNNEL_TEST(topology, aarch64_devices_are_where_virt_has_them, .arch = test::TestArch::kAarch64)
{
  const arch::MachineInfo& machine = machine_info();
  CHECK(machine.gicd_base == 0x08000000u);
  REQUIRE(machine.nr_gicr_regions >= 1u);
  CHECK(machine.gicr_regions[0].base == 0x080a0000u);
  CHECK(machine.uart == arch::UartKind::kPl011);
  CHECK(machine.uart_base == 0x09000000u);
  CHECK(machine.virtual_timer_intid == 27u);
  CHECK(machine.physical_timer_intid == 30u);
  CHECK(machine.psci != arch::PsciConduit::kNone);
}

RUNNEL_TEST(topology, the_description_has_a_line_for_every_cpu)
{
  struct LineCounter final : Sink {
    void write(std::string_view text) override {
      for (const char c : text) lines += c == '\n' ? 1 : 0;
    }
    u32 lines = 0;
  } counter;
  const arch::MachineInfo& machine = machine_info();
  firmware::describe_topology(machine, counter);
  const u32 ignored = machine.nr_cpus_ignored != 0 ? 1 : 0;
  const u32 nodes = machine.nr_nodes > 1 ? machine.nr_nodes : 0;
  CHECK(counter.lines == 1 + ignored + machine.nr_cpus + nodes);
}

} // namespace
} // namespace runnel
