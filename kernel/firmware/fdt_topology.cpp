// SPDX-License-Identifier: Apache-2.0
#include "kernel/firmware/fdt_topology.hpp"

#include "kernel/firmware/numbering.hpp"

namespace runnel::firmware {

void FdtTopology::enter(std::string_view name, u32 depth) {
  if (name == "cpu-map") map_depth_ = depth;
  if (map_depth_ == 0) return;
  if (name.starts_with("socket")) ++sockets_;
  if (name.starts_with("cluster")) ++clusters_;
  if (name.starts_with("core")) ++cores_, threads_ = 0;
  if (name.starts_with("thread")) ++threads_;
}

void FdtTopology::leave(u32 depth) {
  if (depth < map_depth_) map_depth_ = 0;
}

void FdtTopology::look_at(const FdtNode& node) {
  if (node.phandle != 0 && nr_caches_ < kMaxCaches && node.is_compatible("cache"))
    caches_[nr_caches_++] = {node.phandle, node.next_cache};
  if (map_depth_ != 0 && node.cpu_ref != 0 && nr_leaves_ < kMaxCpus)
    leaves_[nr_leaves_++] = {node.cpu_ref, sockets_, clusters_, cores_, threads_};
}

void FdtTopology::add_cpu(u32 index, const FdtNode& node) {
  if (index < kMaxCpus) cpus_[index] = {node.phandle, node.next_cache};
}

const FdtTopology::Leaf* FdtTopology::leaf_of(u32 phandle) const {
  for (u32 i = 0; i < nr_leaves_; ++i)
    if (leaves_[i].phandle == phandle) return &leaves_[i];
  return nullptr;
}

u32 FdtTopology::outermost_cache(u32 phandle) const {
  for (u32 hops = 0; hops < 4; ++hops) { // a damaged tree may loop
    u32 next = 0;
    for (u32 i = 0; i < nr_caches_; ++i)
      if (caches_[i].phandle == phandle) next = caches_[i].next;
    if (next == 0) break;
    phandle = next;
  }
  return phandle;
}

void FdtTopology::resolve(arch::MachineInfo& machine) const {
  constexpr u64 kOther = u64{1} << 32; // beside the keys of the tree: what it does not tell
  Numbering packages, clusters, cores, caches;
  for (u32 i = 0; i < machine.nr_cpus; ++i) {
    arch::CpuDescription& cpu = machine.cpus[i];
    const Leaf* leaf = leaf_of(cpus_[i].phandle);
    const u64 package = leaf != nullptr ? leaf->package : 0;
    cpu.package = packages.number_of(package);
    cpu.cluster =
        clusters.number_of(leaf != nullptr && leaf->cluster != 0 ? leaf->cluster : kOther + package);
    cpu.core = cores.number_of(leaf != nullptr ? leaf->core : kOther + i);
    cpu.thread = leaf != nullptr && leaf->thread != 0 ? leaf->thread - 1 : 0;
    // No cache told: what shares a package shares a cache.
    const u32 cache = outermost_cache(cpus_[i].next_cache);
    cpu.llc = caches.number_of(cache != 0 ? cache : kOther + package);
  }
}

} // namespace runnel::firmware
