// SPDX-License-Identifier: Apache-2.0
// The machine out of tables that QEMU made: for every dump of tests/data/firmware what its command line
// (dump.sh) asked for.
#include "tests/firmware_image.hpp"

#include <catch2/catch.hpp>

using namespace runnel;
using namespace runnel::test;

namespace {

struct Dumped {
  std::string name;
  u32 nr_cpus;
  u32 packages = 1, clusters = 1, cores = 0; // cores 0: one a CPU
  u32 nr_nodes = 1;
};

FirmwareImage::Outcome describe(const std::string& file, u64 boot_hw_id = 0) {
  FirmwareImage image;
  const Blob blob = load_file(RUNNEL_TEST_DATA "/firmware/" + file);
  if (file.ends_with(".dtb"))
    image.load_fdt(blob);
  else
    image.load_acpi(blob);
  return image.describe(boot_hw_id);
}

u32 count(const arch::MachineInfo& m, u32 arch::CpuDescription::* field) {
  u32 most = 0;
  for (u32 i = 0; i < m.nr_cpus; ++i) most = std::max(most, m.cpus[i].*field + 1);
  return most;
}

void check_shape(const arch::MachineInfo& m, const Dumped& want) {
  REQUIRE(m.nr_cpus == want.nr_cpus);
  CHECK(m.nr_cpus_ignored == 0);
  const char* broken = broken_promise(m, 0);
  CHECK((broken == nullptr ? "" : broken) == std::string());
  const u32 cores = want.cores == 0 ? want.nr_cpus : want.cores;
  const u32 threads = want.nr_cpus / cores;
  CHECK(count(m, &arch::CpuDescription::package) == want.packages);
  CHECK(count(m, &arch::CpuDescription::cluster) == want.clusters);
  CHECK(count(m, &arch::CpuDescription::core) == cores);
  CHECK(count(m, &arch::CpuDescription::llc) == want.packages);
  CHECK(m.nr_nodes == want.nr_nodes);
  for (u32 i = 0; i < m.nr_cpus; ++i) {
    CAPTURE(i);
    CHECK(m.cpus[i].core == i / threads);
    CHECK(m.cpus[i].thread == i % threads);
    CHECK(m.cpus[i].package == i / (want.nr_cpus / want.packages));
    CHECK(m.cpus[i].cluster == i / (want.nr_cpus / want.clusters));
    CHECK(m.cpus[i].node == i / (want.nr_cpus / want.nr_nodes));
  }
}

void check_distances(const arch::MachineInfo& m) {
  CHECK(m.node_distance[0][0] == 10);
  CHECK(m.node_distance[0][1] == 21);
  CHECK(m.node_distance[1][0] == 21);
  CHECK(m.node_distance[1][1] == 10);
}

u64 bytes_of_node(const arch::MachineInfo& m, u32 node) {
  u64 bytes = 0;
  for (u32 i = 0; i < m.nr_node_memory; ++i)
    if (m.node_memory[i].node == node) bytes += m.node_memory[i].size;
  return bytes;
}

} // namespace

TEST_CASE("firmware: q35's ACPI tables, from each of its firmwares", "[firmware]") {
  // Without PPTT the tables name neither packages nor threads: that is CPUID's.
  const auto dumped = GENERATE(values<Dumped>({{"q35-1", 1},
                                               {"q35-4", 4},
                                               {"q35-8-smt", 8},
                                               {"q35-64", 64},
                                               {"q35-2-of-4", 2},
                                               {"q35-seabios", 4},
                                               {"q35-ovmf", 4}}));
  CAPTURE(dumped.name);
  const auto out = describe(dumped.name + ".acpi");
  INFO(out.why);
  REQUIRE(out.result);
  const arch::MachineInfo& m = out.machine;
  CHECK(m.described_by == std::string("ACPI"));
  check_shape(m, dumped);
  for (u32 i = 0; i < m.nr_cpus; ++i) CHECK(m.cpus[i].hw_id == i);

  CHECK(m.local_apic_base == 0xfee00000);
  REQUIRE(m.nr_ioapics == 1);
  CHECK(m.ioapics[0].base == 0xfec00000);
  CHECK(m.ioapics[0].gsi_base == 0);
  REQUIRE(m.nr_overrides == 5); // the timer, and the four lines PCI uses
  CHECK(m.overrides[0].source == 0);
  CHECK(m.overrides[0].gsi == 2);
  CHECK_FALSE(m.overrides[0].level);
  CHECK(m.overrides[1].source == 5);
  CHECK(m.overrides[1].gsi == 5);
  CHECK(m.overrides[1].level);
  CHECK_FALSE(m.overrides[1].active_low);
  CHECK(m.hpet_base == 0xfed00000);
  CHECK(m.pm1a_control_port == 0x604);
  CHECK(m.pm_timer_port == 0x608);
  CHECK(m.reset_port == 0xcf9);
  CHECK(m.reset_value == 0x0f);
  CHECK(m.uart == arch::UartKind::k16550Port);
  CHECK(m.uart_base == 0x3f8);
  CHECK(m.uart_irq == 4);
  CHECK(m.gicd_base == 0);
  CHECK(m.psci == arch::PsciConduit::kNone);
}

TEST_CASE("firmware: q35 with two NUMA nodes", "[firmware]") {
  const auto out = describe("q35-numa.acpi");
  INFO(out.why);
  REQUIRE(out.result);
  check_shape(out.machine, {.name = "q35-numa", .nr_cpus = 8, .nr_nodes = 2});
  check_distances(out.machine);
  CHECK(bytes_of_node(out.machine, 0) == (160u << 20) - 0x60000); // without the hole below 1 MiB
  CHECK(bytes_of_node(out.machine, 1) == 64u << 20);
}

TEST_CASE("firmware: microvm's reduced ACPI tables", "[firmware]") {
  const auto out = describe("microvm-4.acpi");
  INFO(out.why);
  REQUIRE(out.result);
  check_shape(out.machine, {.name = "microvm-4", .nr_cpus = 4});
  CHECK(out.machine.nr_ioapics == 2);
  CHECK(out.machine.hpet_base == 0);
  CHECK(out.machine.pm_timer_port == 0);
  CHECK(out.machine.reset_port == 0); // it is a memory address there
  CHECK(out.machine.uart == arch::UartKind::k16550Port);
}

TEST_CASE("firmware: virt's ACPI tables and device trees say the same", "[firmware]") {
  const auto dumped = GENERATE(values<Dumped>({{"virt-1.dtb", 1},
                                               {"virt-4.acpi", 4},
                                               {"virt-4.dtb", 4},
                                               {"virt-64.acpi", 64},
                                               {"virt-64.dtb", 64},
                                               {"virt-8-smt.dtb", 8, 2, 2, 4},
                                               {"virt-numa.acpi", 8, 2, 2, 4, 2},
                                               {"virt-numa.dtb", 8, 2, 2, 4, 2},
                                               {"virt-el2.acpi", 4, 1, 2},
                                               {"virt-el2.dtb", 4, 1, 2}}));
  CAPTURE(dumped.name);
  const auto out = describe(dumped.name);
  INFO(out.why);
  REQUIRE(out.result);
  const arch::MachineInfo& m = out.machine;
  const bool is_tree = dumped.name.ends_with(".dtb");
  const bool has_el2 = dumped.name.starts_with("virt-el2");
  CHECK(m.described_by == std::string(is_tree ? "device tree" : "ACPI"));
  check_shape(m, dumped);
  // GICv3: sixteen CPUs to an affinity-1 group, so that an SGI's target list reaches all of one.
  for (u32 i = 0; i < m.nr_cpus; ++i) CHECK(m.cpus[i].hw_id == (i / 16 << 8 | i % 16));
  CHECK(m.gicd_base == 0x08000000);
  REQUIRE(m.nr_gicr_regions == 1);
  CHECK(m.gicr_regions[0].base == 0x080a0000);
  CHECK(m.gicr_regions[0].size == 0x00f60000);
  CHECK(m.virtual_timer_intid == 27);
  CHECK(m.physical_timer_intid == 30);
  CHECK(m.psci == (has_el2 ? arch::PsciConduit::kSmc : arch::PsciConduit::kHvc));
  CHECK(m.uart == arch::UartKind::kPl011);
  CHECK(m.uart_base == 0x09000000);
  CHECK(m.uart_irq == 1);
  CHECK(m.nr_ioapics == 0);
  if (dumped.nr_nodes == 2) {
    check_distances(m);
    CHECK(bytes_of_node(m, 0) == 160u << 20);
    CHECK(bytes_of_node(m, 1) == 64u << 20);
  }
}

TEST_CASE("firmware: a machine with a GICv2 is refused by name", "[firmware]") {
  const auto out = describe("virt-gicv2.dtb");
  REQUIRE_FALSE(out.result);
  CHECK(out.why == "device tree names no GICv3 (start the machine with gic-version=3)");
}

TEST_CASE("firmware: the CPU that boots is number 0", "[firmware]") {
  for (const char* file : {"q35-8-smt.acpi", "virt-numa.acpi", "virt-numa.dtb"}) {
    CAPTURE(file);
    const auto out = describe(file, 5);
    INFO(out.why);
    REQUIRE(out.result);
    CHECK(broken_promise(out.machine, 5) == nullptr);
    const u64 ids[] = {5, 0, 1, 2, 3, 4, 6, 7};
    for (u32 i = 0; i < 8; ++i) CHECK(out.machine.cpus[i].hw_id == ids[i]);
    const bool has_nodes = out.machine.nr_nodes == 2;
    CHECK(out.machine.cpus[0].node == (has_nodes ? 1 : 0));
    if (has_nodes) CHECK(out.machine.cpus[0].core == out.machine.cpus[5].core); // 5 and 4 are siblings
  }
}

TEST_CASE("firmware: a boot CPU that no table lists is an error", "[firmware]") {
  const auto acpi = describe("q35-4.acpi", 7);
  CHECK_FALSE(acpi.result);
  CHECK(acpi.why == "ACPI table APIC does not list the CPU that boots (hardware id 0x7)");
  const auto tree = describe("virt-4.dtb", 7);
  CHECK_FALSE(tree.result);
  CHECK(tree.why == "device tree does not list the CPU that boots (hardware id 0x7)");
}

TEST_CASE("firmware: the root pointer is found where PC firmware leaves it", "[firmware]") {
  FirmwareImage image;
  image.load_acpi(load_file(RUNNEL_TEST_DATA "/firmware/q35-4.acpi"));
  image.info.acpi_rsdp = 0;
  const auto out = image.describe();
  INFO(out.why);
  REQUIRE(out.result);
  CHECK(out.machine.nr_cpus == 4);

  image.parts[0].bytes[9] ^= std::byte{1}; // its checksum is wrong: no root pointer at all
  const auto none = image.describe();
  REQUIRE_FALSE(none.result);
  CHECK(none.result.error() == Errno::kNODEV);
  CHECK(none.why == "neither ACPI tables nor a device tree describe this machine");
}

TEST_CASE("firmware: the description for people", "[firmware]") {
  const auto out = describe("virt-numa.dtb");
  REQUIRE(out.result);
  char text[2048];
  BufferSink sink(text);
  firmware::describe_topology(out.machine, sink);
  const std::string got(sink.view());
  CHECK(got.starts_with("by device tree: CPUs 8, packages 2, cores 4, last-level caches 2, NUMA nodes 2\n"));
  CHECK(got.find("cpu  7: id 0x0007 package 1 cluster 1 core 3 thread 1 cache 1 node 1\n") !=
        std::string::npos);
  CHECK(got.ends_with("node 1: 65536 KiB, distances 21 10\n"));
}
