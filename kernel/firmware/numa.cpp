// SPDX-License-Identifier: Apache-2.0
// SRAT and SLIT (ACPI 6.4, 5.2.16 and 5.2.17): which CPUs and which memory are near each other.
#include "kernel/firmware/acpi_machine.hpp"

#include <algorithm>

namespace runnel::firmware {
namespace {

constexpr u32 kEnabled = 1;

enum Entry : u8 { kLocalApic = 0, kMemory = 1, kLocalX2Apic = 2, kGicCpu = 3 };
constexpr EntrySize kSizes[] = {{kLocalApic, 16}, {kMemory, 40}, {kLocalX2Apic, 24}, {kGicCpu, 18}};

/// The proximity domain of an enabled entry.
std::optional<u32> domain_of(u8 type, Bytes e) {
  switch (type) {
  case kLocalApic: // the domain's upper bytes are at 9
    if ((read_or_zero<u32>(e, 4) & kEnabled) == 0) return std::nullopt;
    return read_or_zero<u8>(e, 2) | u32{read_or_zero<u16>(e, 9)} << 8 | u32{read_or_zero<u8>(e, 11)} << 24;
  case kMemory:
    if ((read_or_zero<u32>(e, 28) & kEnabled) == 0) return std::nullopt;
    return read_or_zero<u32>(e, 2);
  case kLocalX2Apic:
    if ((read_or_zero<u32>(e, 12) & kEnabled) == 0) return std::nullopt;
    return read_or_zero<u32>(e, 4);
  case kGicCpu:
    if ((read_or_zero<u32>(e, 10) & kEnabled) == 0) return std::nullopt;
    return read_or_zero<u32>(e, 2);
  default:
    return std::nullopt;
  }
}

/// Proximity domains are sparse numbers of the firmware's; nodes count from 0 in the domains' order.
class Nodes {
 public:
  bool add(u32 domain) {
    u32* const end = domains_ + count_;
    u32* const at = std::lower_bound(domains_, end, domain);
    if (at != end && *at == domain) return true;
    if (count_ == arch::kMaxNodes) return false;
    std::move_backward(at, end, end + 1);
    *at = domain;
    ++count_;
    return true;
  }
  u32 number_of(u32 domain) const {
    return static_cast<u32>(std::lower_bound(domains_, domains_ + count_, domain) - domains_);
  }
  u32 domain(u32 node) const { return domains_[node]; }
  u32 count() const { return count_; }

 private:
  u32 domains_[arch::kMaxNodes] = {};
  u32 count_ = 0;
};

void place(arch::MachineInfo& machine, u8 type, Bytes e, u32 node) {
  const auto place_where = [&](auto is_meant) {
    for (u32 i = 0; i < machine.nr_cpus; ++i)
      if (is_meant(machine.cpus[i])) machine.cpus[i].node = node;
  };
  switch (type) {
  case kLocalApic:
    return place_where([&](const auto& cpu) { return cpu.hw_id == read_or_zero<u8>(e, 3); });
  case kLocalX2Apic:
    return place_where([&](const auto& cpu) { return cpu.hw_id == read_or_zero<u32>(e, 8); });
  case kGicCpu:
    return place_where([&](const auto& cpu) { return cpu.acpi_uid == read_or_zero<u32>(e, 6); });
  default: {
    const u64 size = read_or_zero<u64>(e, 16);
    if (size != 0 && machine.nr_node_memory < arch::kMaxNodeMemory)
      machine.node_memory[machine.nr_node_memory++] = {read_or_zero<u64>(e, 8), size, node};
  }
  }
}

Result<> read_slit(Bytes slit, const Nodes& nodes, arch::MachineInfo& machine, Sink& why) {
  constexpr u64 kMatrix = kAcpiHeaderSize + 8;
  const u64 count = read_or_zero<u64>(slit, kAcpiHeaderSize);
  if (slit.size() < kMatrix || count > slit.size() || count * count > slit.size() - kMatrix) {
    format_to(why, "ACPI table SLIT: {} localities at offset {} do not fit its {} bytes", count,
              kAcpiHeaderSize, slit.size());
    return err(Errno::kINVAL);
  }
  for (u32 i = 0; i < nodes.count(); ++i)
    for (u32 j = 0; j < nodes.count(); ++j)
      if (nodes.domain(i) < count && nodes.domain(j) < count)
        machine.node_distance[i][j] =
            read_or_zero<u8>(slit, kMatrix + nodes.domain(i) * count + nodes.domain(j));
  return {};
}

} // namespace

Result<> read_srat(Bytes srat, Bytes slit, arch::MachineInfo& machine, Sink& why) {
  constexpr u64 kEntries = kAcpiHeaderSize + 12;
  Nodes nodes;
  bool fits = true;
  RUNNEL_TRY(for_each_entry("SRAT", srat, kEntries, kSizes, why, [&](u8 type, Bytes e) {
    if (const std::optional<u32> domain = domain_of(type, e)) fits = nodes.add(*domain) && fits;
  }));
  if (!fits) {
    format_to(why, "ACPI table SRAT has more than {} proximity domains", arch::kMaxNodes);
    return err(Errno::kE2BIG);
  }
  if (nodes.count() == 0) return {};
  machine.nr_nodes = nodes.count();
  RUNNEL_TRY(for_each_entry("SRAT", srat, kEntries, kSizes, why, [&](u8 type, Bytes e) {
    if (const std::optional<u32> domain = domain_of(type, e))
      place(machine, type, e, nodes.number_of(*domain));
  }));
  return slit.empty() ? Result<>{} : read_slit(slit, nodes, machine, why);
}

} // namespace runnel::firmware
