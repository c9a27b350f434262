// SPDX-License-Identifier: Apache-2.0
// PPTT (ACPI 6.4, 5.2.29): a tree of processor nodes, from threads up to packages, named by their offset in
// the table. A node's private resources are its caches.
#include "kernel/firmware/acpi_machine.hpp"
#include "kernel/firmware/numbering.hpp"

namespace runnel::firmware {
namespace {

constexpr u8 kProcessor = 0;
constexpr u8 kCache = 1;
constexpr EntrySize kSizes[] = {{kProcessor, 20}, {kCache, 24}};

constexpr u32 kPackage = 1u << 0;
constexpr u32 kUidValid = 1u << 1;
constexpr u32 kThread = 1u << 2;
constexpr u32 kLeaf = 1u << 3; // from revision 2 (ACPI 6.3) on
constexpr u32 kMaxDepth = 8;   // a damaged table may loop

struct Node {
  u32 flags = 0;
  u32 parent = 0; // offset; 0: none
  u32 uid = 0;
  bool has_cache = false;
};

std::optional<Node> node_at(Bytes pptt, u64 offset) {
  const Bytes e = slice(pptt, offset, read_or_zero<u8>(pptt, offset + 1));
  if (offset < kAcpiHeaderSize || e.size() < 20 || read_or_zero<u8>(e, 0) != kProcessor) return std::nullopt;
  Node node{read_or_zero<u32>(e, 4), read_or_zero<u32>(e, 8), read_or_zero<u32>(e, 12), false};
  for (u64 at = 20; at + 4 <= e.size() && (at - 20) / 4 < read_or_zero<u32>(e, 16); at += 4) {
    const u32 resource = read_or_zero<u32>(e, at);
    if (resource >= kAcpiHeaderSize && read<u8>(pptt, resource) == kCache) node.has_cache = true;
  }
  return node;
}

/// A package may carry a UID too, of the container that names it: only a leaf is a CPU.
bool is_cpu(const Node& node, u8 revision, u32 uid) {
  if ((node.flags & kUidValid) == 0 || node.uid != uid) return false;
  return revision >= 2 ? (node.flags & kLeaf) != 0 : (node.flags & kPackage) == 0;
}

/// Offset of the leaf of the CPU with this UID; 0 when there is none. The entries' lengths have been checked.
u32 leaf_of(Bytes pptt, u32 uid) {
  const u8 revision = read_or_zero<u8>(pptt, 8);
  for (u64 offset = kAcpiHeaderSize; offset < pptt.size(); offset += read_or_zero<u8>(pptt, offset + 1))
    if (const std::optional<Node> node = node_at(pptt, offset); node && is_cpu(*node, revision, uid))
      return static_cast<u32>(offset);
  return 0;
}

/// The nodes above one CPU that count, by offset.
struct Place {
  u32 core = 0;
  u32 cluster = 0; // the one next above the core; the package when there is nothing between
  u32 package = 0;
  u32 llc = 0; // outermost with a cache above the core; the package when no cache is told
};

Result<Place> place_of(Bytes pptt, u32 leaf, Sink& why) {
  Place place;
  u32 at = leaf;
  for (u32 depth = 0; depth < kMaxDepth; ++depth) {
    const std::optional<Node> node = node_at(pptt, at);
    if (!node) {
      format_to(why, "ACPI table PPTT: offset {}, named as a parent, is no processor node", at);
      return err(Errno::kINVAL);
    }
    const bool is_thread = depth == 0 && (node->flags & kThread) != 0;
    if (place.core != 0) {
      if (place.cluster == 0) place.cluster = at;
      if (node->has_cache) place.llc = at;
    } else if (!is_thread) {
      place.core = at;
    }
    if ((node->flags & kPackage) != 0 || node->parent == 0) {
      place.package = at;
      if (place.core == 0) place.core = leaf;
      if (place.cluster == 0) place.cluster = at;
      if (place.llc == 0) place.llc = at;
      return place;
    }
    at = node->parent;
  }
  format_to(why, "ACPI table PPTT: node at offset {} has more than {} levels above it", leaf, kMaxDepth);
  return err(Errno::kINVAL);
}

} // namespace

Result<> read_pptt(Bytes pptt, arch::MachineInfo& machine, Sink& why) {
  RUNNEL_TRY(for_each_entry("PPTT", pptt, kAcpiHeaderSize, kSizes, why, [](u8, Bytes) {}));
  Numbering packages, clusters, cores, caches;
  u32 threads[kMaxCpus] = {}; // of each core so far
  for (u32 i = 0; i < machine.nr_cpus; ++i) {
    arch::CpuDescription& cpu = machine.cpus[i];
    const u32 leaf = leaf_of(pptt, cpu.acpi_uid);
    if (leaf == 0) {
      format_to(why, "ACPI table PPTT has no node for the CPU with UID {}", cpu.acpi_uid);
      return err(Errno::kINVAL);
    }
    const Result<Place> place = place_of(pptt, leaf, why);
    if (!place) return err(place.error());
    cpu.package = packages.number_of(place->package);
    cpu.cluster = clusters.number_of(place->cluster);
    cpu.core = cores.number_of(place->core);
    cpu.llc = caches.number_of(place->llc);
    cpu.thread = threads[cpu.core]++;
  }
  return {};
}

} // namespace runnel::firmware
