// SPDX-License-Identifier: Apache-2.0
// What QEMU 7.2 does not make but newer ones and real machines do: tables written here, byte by byte.
#include "tests/firmware_image.hpp"

#include <catch2/catch.hpp>

using namespace runnel;
using namespace runnel::test;

namespace {

/// A table under construction; finish() makes its header right.
class Table {
 public:
  explicit Table(std::string_view signature, u8 revision = 1) {
    for (const char c : signature) bytes_.push_back(static_cast<std::byte>(c));
    bytes_.resize(36);
    bytes_[8] = static_cast<std::byte>(revision);
  }
  template <typename T> Table& put(T value) {
    const std::size_t at = bytes_.size();
    bytes_.resize(at + sizeof value);
    std::memcpy(&bytes_[at], &value, sizeof value);
    return *this;
  }
  template <typename... Ts> Table& row(Ts... values) { return (put(values), ...), *this; }
  u32 size() const { return static_cast<u32>(bytes_.size()); }
  Blob finish() const {
    Blob out = bytes_;
    const u32 length = size();
    std::memcpy(&out[4], &length, 4);
    fix_sum(out, 9, out.size());
    return out;
  }

 private:
  Blob bytes_;
};

/// Root pointer, XSDT and the tables.
void install(FirmwareImage& image, const std::vector<Table>& tables) {
  Table xsdt("XSDT");
  image.parts.push_back({0x1000, Blob(36)});
  u64 at = 0x10000;
  std::vector<FirmwareImage::Part> parts;
  for (const Table& table : tables) {
    xsdt.put(at);
    parts.push_back({at, table.finish()});
    at += 0x10000;
  }
  image.parts.push_back({0x2000, xsdt.finish()});
  image.parts.insert(image.parts.end(), parts.begin(), parts.end());
  Blob& root = image.parts[0].bytes;
  std::memcpy(root.data(), "RSD PTR ", 8);
  root[15] = std::byte{2};
  root[20] = std::byte{36};
  root[25] = std::byte{0x20};
  fix_sum(root, 8, 20);
  fix_sum(root, 32, 36);
  image.info.acpi_rsdp = 0x1000;
}

Table madt() {
  return Table("APIC").row(u32{0xfee00000}, u32{1}).row(u8{1}, u8{12}, u16{0}, u32{0xfec00000}, u32{0});
}
void add_local_apic(Table& t, u8 uid, u8 id, u32 flags = 1) { t.row(u8{0}, u8{8}, uid, id, flags); }
void add_x2apic(Table& t, u32 uid, u32 id, u32 flags = 1) { t.row(u8{9}, u8{16}, u16{0}, id, flags, uid); }

constexpr u32 kPackage = 1, kUid = 2, kThread = 4, kLeaf = 8;

} // namespace

TEST_CASE("firmware: x2APIC entries, CPUs listed twice, CPUs switched off", "[firmware]") {
  Table apic = madt();
  add_local_apic(apic, 0, 0);
  add_local_apic(apic, 1, 4);
  add_x2apic(apic, 0, 0); // the first one again
  add_x2apic(apic, 300, 300);
  add_x2apic(apic, 301, 301, 2); // can be switched on later: not now
  apic.row(u8{5}, u8{12}, u16{0}, u64{0x1'fee00000});
  FirmwareImage image;
  install(image, {apic});
  const auto out = image.describe(300);
  INFO(out.why);
  REQUIRE(out.result);
  REQUIRE(out.machine.nr_cpus == 3);
  CHECK(out.machine.cpus[0].hw_id == 300);
  CHECK(out.machine.cpus[1].hw_id == 0);
  CHECK(out.machine.cpus[2].hw_id == 4);
  CHECK(out.machine.local_apic_base == 0x1'fee00000);
}

TEST_CASE("firmware: more CPUs than the kernel drives", "[firmware]") {
  Table apic = madt();
  for (u32 i = 0; i < kMaxCpus + 6; ++i) add_x2apic(apic, i, i);
  FirmwareImage image;
  install(image, {apic});
  auto out = image.describe(0);
  REQUIRE(out.result);
  CHECK(out.machine.nr_cpus == kMaxCpus);
  CHECK(out.machine.nr_cpus_ignored == 6);
  // The CPU that boots is never left out.
  out = image.describe(kMaxCpus + 3);
  REQUIRE(out.result);
  CHECK(out.machine.nr_cpus == kMaxCpus);
  CHECK(broken_promise(out.machine, kMaxCpus + 3) == nullptr);
}

TEST_CASE("firmware: sparse proximity domains become nodes in their order", "[firmware]") {
  Table apic = madt();
  add_local_apic(apic, 0, 0);
  add_local_apic(apic, 1, 1);
  Table srat("SRAT");
  srat.row(u32{1}, u64{0});
  srat.row(u8{0}, u8{16}, u8{7}, u8{0}, u32{1}, u32{0}, u32{0});           // CPU 0: domain 7
  srat.row(u8{2}, u8{24}, u16{0}, u32{3}, u32{1}, u32{1}, u32{0}, u32{0}); // CPU 1: domain 3
  srat.row(u8{1}, u8{40}, u32{7}, u16{0}, u64{0}, u64{1 << 20}, u32{0}, u32{1}, u64{0});
  srat.row(u8{1}, u8{40}, u32{9}, u16{0}, u64{1 << 20}, u64{1 << 20}, u32{0}, u32{0}, u64{0}); // not enabled
  FirmwareImage image;
  install(image, {apic, srat});
  const auto out = image.describe();
  INFO(out.why);
  REQUIRE(out.result);
  CHECK(out.machine.nr_nodes == 2);
  CHECK(out.machine.cpus[0].node == 1);
  CHECK(out.machine.cpus[1].node == 0);
  REQUIRE(out.machine.nr_node_memory == 1);
  CHECK(out.machine.node_memory[0].node == 1);
}

TEST_CASE("firmware: distances that do not fit their table are refused", "[firmware]") {
  Table apic = madt();
  add_local_apic(apic, 0, 0);
  Table srat("SRAT");
  srat.row(u32{1}, u64{0}).row(u8{0}, u8{16}, u8{0}, u8{0}, u32{1}, u32{0}, u32{0});
  const u64 count = GENERATE(u64{3}, u64{1} << 32, ~u64{0});
  Table slit("SLIT");
  slit.row(count, u32{0x0a14140a});
  FirmwareImage image;
  install(image, {apic, srat, slit});
  const auto out = image.describe();
  REQUIRE_FALSE(out.result);
  CHECK(out.why.starts_with("ACPI table SLIT: "));
}

TEST_CASE("firmware: caches in a PPTT decide who shares the last level", "[firmware]") {
  Table apic = madt();
  for (u8 i = 0; i < 4; ++i) add_local_apic(apic, i, i);
  // One package with two clusters of two cores; each cluster has a cache, each core too.
  Table pptt("PPTT", 2);
  const u32 cache = pptt.size();
  pptt.row(u8{1}, u8{24}, u16{0}, u32{0}, u32{0}, u32{0}, u32{0}, u8{0}, u8{0}, u16{0});
  const u32 package = pptt.size();
  pptt.row(u8{0}, u8{20}, u16{0}, kPackage, u32{0}, u32{0}, u32{0});
  for (u32 cluster = 0; cluster < 2; ++cluster) {
    const u32 at = pptt.size();
    pptt.row(u8{0}, u8{24}, u16{0}, u32{0}, package, u32{0}, u32{1}, cache);
    for (u32 core = 0; core < 2; ++core)
      pptt.row(u8{0}, u8{24}, u16{0}, kUid | kLeaf, at, cluster * 2 + core, u32{1}, cache);
  }
  FirmwareImage image;
  install(image, {apic, pptt});
  const auto out = image.describe();
  INFO(out.why);
  REQUIRE(out.result);
  for (u32 i = 0; i < 4; ++i) {
    CHECK(out.machine.cpus[i].package == 0);
    CHECK(out.machine.cpus[i].cluster == i / 2);
    CHECK(out.machine.cpus[i].llc == i / 2);
    CHECK(out.machine.cpus[i].core == i);
  }
}

TEST_CASE("firmware: a CPU that the processor hierarchy does not have", "[firmware]") {
  Table apic = madt();
  add_local_apic(apic, 0, 0);
  add_local_apic(apic, 5, 1);
  Table pptt("PPTT", 2);
  const u32 core = pptt.size();
  pptt.row(u8{0}, u8{20}, u16{0}, kPackage, u32{0}, u32{5}, u32{0});
  pptt.row(u8{0}, u8{20}, u16{0}, kUid | kLeaf | kThread, core, u32{0}, u32{0});
  FirmwareImage image;
  install(image, {apic, pptt});
  const auto out = image.describe();
  REQUIRE_FALSE(out.result);
  CHECK(out.why == "ACPI table PPTT has no node for the CPU with UID 5");
}

TEST_CASE("firmware: a serial port named by the SPCR wins over a PC's first", "[firmware]") {
  Table apic = madt();
  add_local_apic(apic, 0, 0);
  Table spcr("SPCR");
  spcr.row(u8{0}, u8{0}, u8{0}, u8{0});             // 16550
  spcr.row(u8{1}, u8{8}, u8{0}, u8{1}, u64{0x2f8}); // in I/O space
  spcr.row(u8{1}, u8{3}, u32{0});                   // IRQ 3
  FirmwareImage image;
  install(image, {apic, spcr});
  const auto out = image.describe();
  INFO(out.why);
  REQUIRE(out.result);
  CHECK(out.machine.uart == arch::UartKind::k16550Port);
  CHECK(out.machine.uart_base == 0x2f8);
  CHECK(out.machine.uart_irq == 3);
}

TEST_CASE("firmware: a MADT without interrupt controller is refused", "[firmware]") {
  Table apic("APIC");
  apic.row(u32{0xfee00000}, u32{1});
  add_local_apic(apic, 0, 0);
  FirmwareImage image;
  install(image, {apic});
  const auto out = image.describe();
  REQUIRE_FALSE(out.result);
  CHECK(out.why == "ACPI table APIC names no interrupt controller (I/O APIC or GIC distributor)");
}
