// SPDX-License-Identifier: Apache-2.0
// One pass over the tree. A node's properties come before its children, so a node is looked at when its first
// child begins or when it ends, whichever is first.
#include "kernel/firmware/fdt_machine.hpp"

#include "kernel/firmware/cpu_list.hpp"
#include "kernel/firmware/fdt_devices.hpp"
#include "kernel/firmware/fdt_topology.hpp"

namespace runnel::firmware {
namespace {

constexpr u32 kMaxDepth = 16;

class Walk {
 public:
  Walk(u64 boot_hw_id, arch::MachineInfo& machine)
      : machine_(machine), cpus_(machine, boot_hw_id), devices_(machine) {}

  /// Nothing, or why the tree cannot be used.
  const char* run(FdtReader& fdt);

  Result<> finish(Sink& why) {
    topology_.resolve(machine_);
    devices_.finish();
    return cpus_.finish("device tree", why);
  }

 private:
  struct Level {
    FdtNode node;
    bool is_looked_at = false;
  };

  const char* begin(std::string_view name);
  void look_at_top();
  void add_cpu(const FdtNode& node, const FdtNode& parent);
  void add_memory(const FdtNode& node, const FdtNode& parent);
  void add_distances(const FdtNode& node);
  u32 node_number(u32 id);

  arch::MachineInfo& machine_;
  CpuList cpus_;
  FdtTopology topology_;
  FdtDevices devices_;
  Level levels_[kMaxDepth];
  u32 depth_ = 0;
  bool too_many_nodes_ = false;
};

const char* Walk::run(FdtReader& fdt) {
  for (;;) {
    const FdtToken token = fdt.next();
    switch (token.kind) {
    case FdtToken::Kind::kBeginNode:
      if (const char* problem = begin(token.name)) return problem;
      break;
    case FdtToken::Kind::kProperty:
      if (depth_ == 0) return "property outside of a node";
      levels_[depth_ - 1].node.take(token);
      break;
    case FdtToken::Kind::kEndNode:
      if (depth_ == 0) return "more nodes end than begin";
      look_at_top();
      topology_.leave(--depth_);
      break;
    case FdtToken::Kind::kEnd:
      if (depth_ != 0) return "ends inside a node";
      return too_many_nodes_ ? "more NUMA nodes than this kernel knows" : nullptr;
    case FdtToken::Kind::kDamaged:
      return "damaged";
    }
  }
}

const char* Walk::begin(std::string_view name) {
  if (depth_ != 0) look_at_top();
  if (depth_ == kMaxDepth) return "nested too deeply";
  levels_[depth_] = {};
  levels_[depth_++].node.name = name;
  topology_.enter(name, depth_);
  return nullptr;
}

void Walk::look_at_top() {
  Level& level = levels_[depth_ - 1];
  if (level.is_looked_at) return;
  level.is_looked_at = true;
  const FdtNode& node = level.node;
  const FdtNode& parent = levels_[depth_ > 1 ? depth_ - 2 : 0].node;
  topology_.look_at(node);
  if (!node.is_enabled()) return;
  if (node.device_type == "cpu") add_cpu(node, parent);
  if (node.device_type == "memory") add_memory(node, parent);
  if (node.is_compatible("numa-distance-map-v1")) add_distances(node);
  devices_.look_at(node, parent);
}

void Walk::add_cpu(const FdtNode& node, const FdtNode& parent) {
  Cells reg = node.reg;
  const std::optional<FdtRange> id = take_range(parent, reg);
  if (!id) return;
  const u32 index = cpus_.add({.hw_id = id->base, .node = node_number(node.numa_node)});
  topology_.add_cpu(index, node);
}

void Walk::add_memory(const FdtNode& node, const FdtNode& parent) {
  Cells reg = node.reg;
  while (const std::optional<FdtRange> range = take_range(parent, reg)) {
    if (range->size == 0 || machine_.nr_node_memory == arch::kMaxNodeMemory) continue;
    machine_.node_memory[machine_.nr_node_memory++] = {range->base, range->size, node_number(node.numa_node)};
  }
}

void Walk::add_distances(const FdtNode& node) {
  Cells cells = node.distances;
  while (cells.size() >= 12) {
    const u32 from = node_number(static_cast<u32>(fdt_take(cells, 4)));
    const u32 to = node_number(static_cast<u32>(fdt_take(cells, 4)));
    machine_.node_distance[from][to] = static_cast<u8>(std::min<u64>(fdt_take(cells, 4), 255));
  }
}

u32 Walk::node_number(u32 id) {
  if (id >= arch::kMaxNodes) {
    too_many_nodes_ = true;
    return 0;
  }
  machine_.nr_nodes = std::max(machine_.nr_nodes, id + 1);
  return id;
}

/// What is not told about a node's distance to itself, or the way back, or of any two nodes at all, is what
/// the binding says it is.
void complete_distances(arch::MachineInfo& machine) {
  constexpr u8 kLocal = 10, kRemote = 20;
  if (machine.nr_nodes == 1) return;
  for (u32 i = 0; i < machine.nr_nodes; ++i) {
    if (machine.node_distance[i][i] == 0) machine.node_distance[i][i] = kLocal;
    for (u32 j = 0; j < i; ++j) {
      u8& there = machine.node_distance[i][j];
      u8& back = machine.node_distance[j][i];
      if (there == 0) there = back == 0 ? kRemote : back;
      if (back == 0) back = there;
    }
  }
}

} // namespace

Result<> describe_from_fdt(PhysReader reader, PhysAddr phys, u64 boot_hw_id, arch::MachineInfo& machine,
                           Sink& why) {
  constexpr u64 kHeader = 40;
  const Bytes header = reader(phys, kHeader);
  std::optional<FdtReader> fdt;
  if (header.size() == kHeader) fdt = FdtReader::open(reinterpret_cast<const u8*>(header.data()));
  if (!fdt || reader(phys, fdt->size()).size() != fdt->size()) {
    format_to(why, "device tree at {:#x}: bad header", phys);
    return err(Errno::kINVAL);
  }
  machine.described_by = "device tree";
  Walk walk(boot_hw_id, machine);
  if (const char* problem = walk.run(*fdt)) {
    format_to(why, "device tree: {} before offset {}", problem, fdt->offset());
    return err(Errno::kINVAL);
  }
  RUNNEL_TRY(walk.finish(why));
  if (machine.gicd_base == 0 || machine.nr_gicr_regions == 0) {
    format_to(why, "device tree names no GICv3 (start the machine with gic-version=3)");
    return err(Errno::kINVAL);
  }
  complete_distances(machine);
  return {};
}

} // namespace runnel::firmware
